"""Metrics with no value where there is none, for many weightings of the same rows at once."""
