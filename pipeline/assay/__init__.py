"""Assay: from a table to scores you can trust, kept in git."""
