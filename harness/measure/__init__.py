"""The only loop: blocks of slices played, monitored and stored."""
