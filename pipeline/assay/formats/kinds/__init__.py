"""Which kind a column is of: what is counted in all its rows, and the decision on that."""
