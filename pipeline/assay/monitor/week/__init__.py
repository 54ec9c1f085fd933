"""The report of one week."""
