"""Services that the project needs: database, cache, slow API."""
