"""The source's rows, and their split into training and holdout."""
