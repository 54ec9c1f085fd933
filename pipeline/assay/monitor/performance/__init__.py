"""Metrics once labels have come, and the reason to train again."""
