"""What to do about a behaviour or a model test that does not pass. Pure.

A finding says what is so; this is what its owner can do next. Kinds of rules say it themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

BEHAVIOUR: Mapping[str, str] = {
    "invariance": "Take the column out of the features, or train on rows in which it decides "
    "nothing; if it should matter, take the behaviour out of gate.behaviour.",
    "direction": "Hold the model to it (monotonic_cst of boosted trees), or train on rows that "
    "show it; if it asks too much, raise max_failed in gate.behaviour.",
    "minimum": "Train on rows like these, or correct the expected answers in gate.behaviour.",
    "robustness": "Train on rows like these, or leave out what makes the answer jump; if it asks "
    "too much, raise max_failed in gate.behaviour.",
    "monotonicity": "Hold the model to it (monotonic_cst of boosted trees); if it asks too much, "
    "raise max_failed in gate.behaviour.",
}
"""What to do about a behaviour that the model does not show."""

OVERRIDE = (
    "If it may go out all the same: a waiver with a reason and a last day (gate.waivers in "
    "params.yaml), or assay promote --override --because WHY."
)


def test_alone(node: str) -> str | None:
    """How to see a model test fail; None if ``node`` is no single test."""
    return f"See it alone: pytest '{node}'" if "::" in node else None
