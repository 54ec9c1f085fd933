"""Spark: its session, and how tasks run on it."""
