"""What the project needs around it: database, cache, slow API."""
