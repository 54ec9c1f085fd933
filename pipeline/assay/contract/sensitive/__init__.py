"""What a contract calls sensitive: masked where rows are shown, and sliced into groups."""
