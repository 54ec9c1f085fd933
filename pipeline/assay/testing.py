"""The public API for model tests and plug-ins. Only these names are stable.

Behavioural tests of a model, to be called from a Python test (docs/behaviour.md). Each raises
AssertionError with the rows that fail. `check_estimator` tests an estimator before it becomes a
candidate (docs/tasks.md).
"""

from __future__ import annotations

from assay.gate.behaviour.asserts import directional, invariant, minimum, monotone, robust
from assay.training.candidates.conformance import check_estimator

__all__ = ["check_estimator", "directional", "invariant", "minimum", "monotone", "robust"]
