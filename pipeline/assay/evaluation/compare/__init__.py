"""Compare: the selected bundle and the champion, measured on the same rows."""
