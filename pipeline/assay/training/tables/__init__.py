"""Ingests the source's rows and splits them into training and holdout."""
