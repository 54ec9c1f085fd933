"""Trains and calibrates candidates, and selects the best."""
