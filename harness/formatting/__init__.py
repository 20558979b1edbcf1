"""How numbers and tables are written, everywhere."""
