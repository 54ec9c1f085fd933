"""What one stage says to the next."""
