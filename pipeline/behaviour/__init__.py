"""Behaviour: what a model must do whatever its metrics, for params.yaml and Python tests."""

from pipeline.behaviour.asserts import directional, invariant, minimum, monotone, robust

__all__ = ["directional", "invariant", "minimum", "monotone", "robust"]
