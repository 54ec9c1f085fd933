"""``kind: stability``: how far the challenger's scores are from the champion's on the same rows."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from assay.gate.inputs import GateInputs
from assay.gate.rules import change, finding
from assay.gate.rules.kind import Rule, exactly_one
from assay.metrics.intervals.chance import chance_at_limit
from assay.metrics.sampling_units import SamplingUnits
from assay.project import layout
from assay.project.params.gate import GateParams
from assay.project.params.values import Share
from assay.reports.comparison import Comparison
from assay.reports.verdict import Finding, Outcome


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
        return evaluate(self, inputs.comparison)

    def missed(self) -> str:
        """Where to see the answers that changed."""
        limit = "max_distance" if self.max_flipped is None else "max_flipped"
        return (
            f"See which answers changed in {layout.COMPARISON_PAGE}; if they should, raise {limit} "
            "in gate.rules."
        )


def evaluate(rule: Stability, comparison: Comparison) -> tuple[Finding, ...]:
    """The distance of the scores, or the share of flipped predictions with a Wilson interval."""
    if comparison.state != "compared" or comparison.stability is None:
        return (change.no_champion_finding(rule, comparison),)
    found = comparison.stability
    rows = comparison.rows
    if rows == 0:
        return (rule.fail("scores were compared on no rows"),)
    if rule.max_distance is not None:
        words_for = "the Jensen-Shannon distance between both models' scores is"
        return (rule.at_most("distance", found.distance, rule.max_distance, words_for, rows),)
    assert rule.max_flipped is not None
    if found.flipped is None or found.rows is None:
        reason = f"a {comparison.task} model gives no answers that could be counted as flipped"
        return (rule.fail(reason),)
    share, limit = found.flipped, rule.max_flipped
    if not 0 <= found.rows <= rows:
        return (rule.fail(f"{found.rows} of {rows} rows are flipped, which cannot be"),)
    if share.value is None or abs(found.rows / rows - share.value) > 1e-6:
        reason = f"{found.rows} of {rows} rows are flipped, which is no share of {share.value}"
        return (rule.fail(reason),)
    if share.low is None or share.high is None:
        if not share.few:
            return (rule.fail("the share of flipped rows has no interval"),)
        why = share.why or "too few"
        units = SamplingUnits(comparison.unit, comparison.units)
        return (rule.insufficient_data(why, None, rows, units, share.needed),)
    if not share.low <= share.value <= share.high:
        reason = f"the interval {share.low} to {share.high} does not hold {share.value}"
        return (rule.fail(reason),)
    outcome, verb = Outcome.INCONCLUSIVE, "cannot be told from"
    if share.high <= limit and share.doubt is None:
        outcome, verb = Outcome.PASS, "meets"
    elif share.low > limit:
        outcome, verb = Outcome.FAIL, "misses"
    numbers = finding.format_interval(
        share.value, share.low, share.high, limit, comparison.confidence
    )
    told = rule.finding(
        outcome,
        f"the share of rows with another answer is {numbers} which {verb} the limit of "
        f"{finding.format_limit(limit, 'max')}",
        metric="flipped",
        observed=share.value,
        low=share.low,
        high=share.high,
        limit=limit,
        direction="max",
        chance=chance_at_limit(
            *(share.value, share.low, share.high, limit),
            confidence=comparison.confidence,
            degrees=share.degrees,
            share=True,
        )
        if outcome is Outcome.PASS
        else None,
        rows=rows,
        unit=comparison.unit,
        units=comparison.units,
        design_effect=finding.finite_or_none(share.design_effect),
        method="Wilson",
    )
    return (told,)
