"""Checks of dvc.lock, dvc.yaml and git: whether results are current and complete."""
