"""A run that goes on, as people and programs watch it."""
