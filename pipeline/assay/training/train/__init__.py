"""Candidates, calibration, and the choice among them."""
