"""Training: from the source's rows to a bundle."""
