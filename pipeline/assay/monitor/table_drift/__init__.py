"""Drift of a table that was not scored, against the reference."""
