"""Rules about rows: what the text of a check proves, and running it on arrays or in pandera."""
