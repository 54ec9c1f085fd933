"""What a model must do whatever its metrics, for params.yaml and Python tests."""
