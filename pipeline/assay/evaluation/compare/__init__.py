"""The stage ``compare``: the selected bundle against the champion on the same rows."""
