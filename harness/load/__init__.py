"""The load maker: its seam, Locust behind it, and whether it can be trusted here."""
