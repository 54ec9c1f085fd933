"""Linear models as arrays."""
