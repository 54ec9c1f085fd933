"""Metrics of each task and their intervals. A metric that has no value is NaN."""
