"""The load generator: its interface, Locust behind it, and its calibration."""
