"""Evaluation of the gate rules of params.yaml on reports."""
