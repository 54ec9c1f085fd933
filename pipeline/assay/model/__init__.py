"""The fitted model, its bundle, its answers, and the one function that scores."""
