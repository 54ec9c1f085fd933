"""Runs the user's model tests under pytest, in an isolated process."""
