"""What commands return, as lines and tables for people."""
