"""Spark: its session, its tasks, its files."""
