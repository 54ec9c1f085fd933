"""Leakage checks: whether training data contains information about the holdout or the label."""
