"""The verbs of `bench`, a file each."""
