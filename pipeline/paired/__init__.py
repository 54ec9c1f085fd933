"""Two models on the same rows: how far apart they are, how sure that is, what to call it."""
