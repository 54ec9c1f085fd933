"""The public API for model tests and plug-ins. Only these names are stable.

Behavioural tests of a model, to be called from a Python test (docs/behaviour.md). Each raises
AssertionError with the rows that fail. `check_estimator` tests an estimator before it becomes a
candidate (docs/tasks.md). `Rule` is what a kind of rule of the project's own is derived from, and
`Outcome` what its findings have; `Target` is the same for a scheduler of `assay deploy`
(docs/own-code.md).
"""

from __future__ import annotations

from assay.gate.behaviour.asserts import directional, invariant, minimum, monotone, robust
from assay.gate.rules.kind import Rule
from assay.ops.deploy.target import Target
from assay.reports.verdict import Outcome
from assay.training.candidates.conformance import check_estimator

__all__ = [
    "Outcome",
    "Rule",
    "Target",
    "check_estimator",
    "directional",
    "invariant",
    "minimum",
    "monotone",
    "robust",
]
