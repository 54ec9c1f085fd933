"""The texts of a column: distinct ones, looked up and hashed where Arrow keeps them."""
