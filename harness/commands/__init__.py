"""The verbs of `djbench`, a file each."""
