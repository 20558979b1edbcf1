"""What may be said of the figures: valid or not, faster or slower, why, and what became of the claims."""
