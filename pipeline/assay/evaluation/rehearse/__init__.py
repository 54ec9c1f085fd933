"""Rehearse: the selected bundle on the path of a night, beside the code that trained it."""
