"""Evidently reports of nights and weeks, with Evidently's own presets on a sample."""
