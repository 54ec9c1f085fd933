"""Evaluation of a bundle: by itself, against the champion, and on the nightly scoring path."""
