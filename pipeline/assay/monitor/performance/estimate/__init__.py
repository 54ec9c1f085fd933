"""Performance without labels: what a calibrated model may be expected to get right."""
