"""Sources of a night's rows."""
