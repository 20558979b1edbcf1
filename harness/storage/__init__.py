"""A run on disk: the only meeting point between measuring and analysing."""
