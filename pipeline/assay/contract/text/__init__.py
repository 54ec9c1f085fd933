"""Text that is read faster than a line at a time."""
