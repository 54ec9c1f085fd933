"""Which rows to label for a rule that could not tell, and what their labels say of it."""
