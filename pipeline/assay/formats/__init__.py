"""Reads a table from one file, and finds out how it is written: separator, encoding, types."""
