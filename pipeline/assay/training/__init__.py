"""From the source to a bundle."""
