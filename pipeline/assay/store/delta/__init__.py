"""Delta tables: reading, writing, committing, and errors of the file system."""
