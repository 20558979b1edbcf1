"""The project under test: where it is, at which revision, with which Django."""
