"""What a cluster needs, in one archive."""
