"""From the question to slices: which arm is loaded when, with what. Pure, and seeded."""
