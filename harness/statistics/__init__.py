"""Pure functions of arrays of numbers: estimates, intervals, tests. Knows nothing of runs."""
