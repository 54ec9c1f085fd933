"""Intervals of one model's metrics, of a night's, and of the difference of two models."""
