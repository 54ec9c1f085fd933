"""Whether dvc.lock, dvc.yaml and git say that results are current and whole."""
