"""A table held against the reference before it is scored."""
