"""What developers run to check and publish the harness itself. Not installed."""
