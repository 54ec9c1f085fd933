"""The front page: the last nights at a glance, in one file that opens without a network."""
