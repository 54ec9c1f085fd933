"""Explain why the scores of two nights differ."""
