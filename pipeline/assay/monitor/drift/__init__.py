"""How a night differs from the reference, and when that is an alarm."""
