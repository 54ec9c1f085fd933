"""Candidates: the estimators of params.yaml as unfitted pipelines, and how one is fitted."""
