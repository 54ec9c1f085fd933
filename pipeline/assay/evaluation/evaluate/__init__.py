"""The stage ``evaluate``: metrics of the selected bundle on the holdout."""
