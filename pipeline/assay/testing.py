"""The public API for model tests and plug-ins. Only these names are stable.

Behavioural tests of a model, to be called from a Python test (docs/behaviour.md). Each raises
AssertionError with the rows that fail. `Rule` is what a kind of rule of the project's own is
derived from, and `Outcome` what its findings have; `Target` is the same for a scheduler of
`assay deploy`, `Measure` for a measure of drift (docs/own-code.md).
"""

from __future__ import annotations

from assay.gate.behaviour.asserts import directional, invariant, minimum, monotone, robust
from assay.gate.rules.kind import Rule
from assay.monitor.drift.measures import Measure
from assay.ops.deploy.target import Target
from assay.reports.verdict import Outcome

__all__ = [
    "Measure",
    "Outcome",
    "Rule",
    "Target",
    "directional",
    "invariant",
    "minimum",
    "monotone",
    "robust",
]
