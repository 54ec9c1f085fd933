"""What is known of each night, as values."""
