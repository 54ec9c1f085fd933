"""Performance estimation without labels, from a calibrated model's scores."""
