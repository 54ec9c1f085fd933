"""Whether the holdout can be believed: what training may have seen of it."""
