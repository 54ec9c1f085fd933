"""A version's card: what is known about a model, in one place, for people and machines."""
