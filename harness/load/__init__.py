"""The load generator: its seam, Locust behind it, and whether it can be trusted here."""
