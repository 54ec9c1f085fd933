"""The project on disk: parameters, paths, the user's own code, and atomic file writes."""
