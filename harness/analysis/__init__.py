"""A run folder in, figures out: per block and cell, per cell, per comparison."""
