"""Schemas of the reports that stages write and later stages read."""
