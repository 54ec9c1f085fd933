"""The user's model tests, run by pytest under our eyes."""
