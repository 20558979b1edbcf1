"""The only loop: blocks of slices played, watched and stored."""
