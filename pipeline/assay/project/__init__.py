"""The project on disk: its parameters, its paths, its own code, and JSON files written whole."""
