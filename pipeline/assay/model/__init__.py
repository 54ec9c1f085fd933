"""The fitted model, its bundle, its predictions, and the scoring function."""
