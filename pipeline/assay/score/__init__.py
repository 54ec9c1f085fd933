"""Batch scoring of a night (partition): read its input, score it, publish the predictions."""
