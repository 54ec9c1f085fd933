"""The rules of params.yaml, each decided on reports."""
