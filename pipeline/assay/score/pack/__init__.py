"""Builds one archive with everything that Spark workers need."""
