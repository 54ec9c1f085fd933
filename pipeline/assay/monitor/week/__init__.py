"""Several nights on one page."""
