"""What was found, in words, tables, pictures and a page."""
