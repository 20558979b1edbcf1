"""A run for other tools, as CSV or JSON."""
