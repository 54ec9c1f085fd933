"""Delta tables: reading, writing, committing, and what the file system complains of."""
