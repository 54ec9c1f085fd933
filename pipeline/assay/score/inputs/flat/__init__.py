"""Flat files, which hold the rows of many nights."""
