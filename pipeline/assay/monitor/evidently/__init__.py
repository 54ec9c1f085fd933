"""Evidently reports of nights, with Evidently's own presets on a sample."""
