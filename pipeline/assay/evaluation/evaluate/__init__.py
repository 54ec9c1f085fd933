"""The selected bundle, measured on the holdout."""
