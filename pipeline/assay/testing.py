"""What model tests and plug-ins import of Assay; nothing else of it is promised to stay.

Behaviour that a model must have whatever its metrics, to be called from a test (docs/behaviour.md):
each raises AssertionError with the rows that break it.
"""

from __future__ import annotations

from assay.gate.behaviour.asserts import directional, invariant, minimum, monotone, robust

__all__ = ["directional", "invariant", "minimum", "monotone", "robust"]
