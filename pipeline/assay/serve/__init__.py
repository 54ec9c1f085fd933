"""A version behind HTTP, and behind the events of a bucket."""
