"""``kind: stability``: how far the challenger's scores are from the champion's on the same rows."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from assay.gate.inputs import GateInputs
from assay.gate.rules import change, limit
from assay.gate.rules.kind import Rule, exactly_one
from assay.metrics.sampling_units import SamplingUnits
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.params.values import Share
from assay.reports.comparison import Comparison
from assay.reports.verdict import Finding

FLIPPED = "share of rows with another answer"


class Stability(Rule):
    """How far the challenger's scores may be from the champion's on the same rows."""

    max_distance: Share | None = None
    max_flipped: Share | None = None

    reads: ClassVar = ("comparison",)
    more_holdout: ClassVar = True

    @model_validator(mode="after")
    def _one_limit(self) -> Stability:
        exactly_one(self, "max_distance", "max_flipped")
        return self

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding."""
        return evaluate(self, inputs.comparison, gate)

    def missed(self) -> str:
        """Where to see the answers that changed."""
        key = "max_distance" if self.max_flipped is None else "max_flipped"
        return (
            f"See which answers changed in {layout.COMPARISON_PAGE}; if they should, raise {key} "
            "in gate.rules."
        )


def evaluate(rule: Stability, comparison: Comparison, gate: GateParams) -> tuple[Finding, ...]:
    """The distance of the scores, or the share of rows with another answer by its interval."""
    if comparison.state != "compared" or comparison.stability is None:
        return (change.no_champion_finding(rule, comparison),)
    stability = comparison.stability
    rows = comparison.rows
    if rows == 0:
        return (rule.fail("scores were compared on no rows"),)
    if rule.max_distance is not None:
        words_for = "the Jensen-Shannon distance between both models' scores is"
        return (rule.at_most("distance", stability.distance, rule.max_distance, words_for, rows),)
    assert rule.max_flipped is not None
    if stability.flipped is None or stability.rows is None:
        reason = f"a {comparison.task} model gives no answers that could be counted as flipped"
        return (rule.fail(reason),)
    share = stability.flipped.value
    if (
        share is None
        or not 0 <= stability.rows <= rows
        or abs(stability.rows / rows - share) > 1e-6
    ):
        reason = f"{stability.rows} of {rows} rows are flipped, which is no share of {share}"
        return (rule.fail(reason),)
    asked = limit.at_most(rule, FLIPPED, rule.max_flipped)
    units = SamplingUnits(comparison.unit, comparison.units)
    read = limit.read_part(asked, {FLIPPED: stability.flipped}, rows, units, None)
    return tuple(limit.decided(asked, [read], comparison, gate))
