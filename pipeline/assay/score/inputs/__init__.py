"""Where a night's rows come from."""
