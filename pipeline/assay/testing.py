"""The public API for model tests and plug-ins. Only these names are stable.

Behavioural tests of a model, to be called from a Python test (docs/behaviour.md). Each raises
AssertionError with the rows that fail.
"""

from __future__ import annotations

from assay.gate.behaviour.asserts import directional, invariant, minimum, monotone, robust

__all__ = ["directional", "invariant", "minimum", "monotone", "robust"]
