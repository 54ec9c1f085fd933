"""A night: its input, its run, its scores."""
