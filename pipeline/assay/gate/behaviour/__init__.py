"""Behavioural model tests, declared in params.yaml or called from Python tests."""
