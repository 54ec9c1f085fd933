"""``kind: change``: the challenger against the champion, on the same rows.

``margin`` requires that it is worse by at most that much (non-inferiority), ``gain`` that it is
better by at least that much. Decided on the interval of the paired difference; see
docs/comparison.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from assay.gate.inputs import GateInputs
from assay.gate.rules import finding
from assay.gate.rules.kind import (
    EVERY_SLICE,
    Rule,
    RuleMetric,
    SlicedRule,
    exactly_one,
    metric_fault,
    select_slices,
)
from assay.metrics.influence import SamplingDistribution
from assay.metrics.intervals.decisions import IntervalDecision, decide_all, orient_difference
from assay.metrics.intervals.difference import Difference
from assay.metrics.intervals.power import describe_power, units_for_difference
from assay.metrics.sampling_units import SamplingUnits
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.tasks import OwnMetrics, Task, describe_direction, inapplicable_reason
from assay.project.text import counted
from assay.reports.comparison import Comparison
from assay.reports.verdict import STATES, Direction, Finding, Outcome

if TYPE_CHECKING:
    from assay.contract.definition import Contract
    from assay.project.params import Params

_OUTCOMES = {"pass": Outcome.PASS, "fail": Outcome.FAIL, "unsure": Outcome.INCONCLUSIVE}


class Change(SlicedRule):
    """Challenger against champion: worse by at most ``margin``, or better by at least ``gain``.

    With ``slice: "*"`` no slice may lose more than ``margin`` beyond chance, over all slices.
    """

    metric: RuleMetric
    margin: Annotated[float, Field(ge=0)] | None = None
    gain: Annotated[float, Field(gt=0)] | None = None

    reads: ClassVar = ("comparison",)
    more_holdout: ClassVar = True
    every_slice: ClassVar = True

    @model_validator(mode="after")
    def _one_limit(self) -> Change:
        exactly_one(self, "margin", "gain")
        if self.slice == EVERY_SLICE and self.margin is None:
            raise ValueError(f"a margin beside slice: '{EVERY_SLICE}'|gain")
        return self

    @property
    def worst(self) -> float:
        """The smallest accepted difference, where higher is better."""
        return self.gain if self.gain is not None else 0.0 - (self.margin or 0.0)  # never -0

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding, or one for each slice."""
        return evaluate(self, inputs.comparison, gate)

    def missed(self) -> str:
        """Where it is worse, and what accepts that."""
        what = "raise margin" if self.gain is None else "lower gain"
        return (
            f"See where it is worse in {layout.COMPARISON_PAGE}; until it is fixed the champion "
            f"stays. If that is accepted, {what} in gate.rules."
        )

    def faults(self, params: Params, contract: Contract, task: Task) -> Iterator[str]:
        """A field that is not sliced, or a metric that the task has not."""
        yield from super().faults(params, contract, task)
        yield from metric_fault(self, "metric", self.metric, params, task)

    def settings(self, gate: GateParams, own: OwnMetrics) -> Iterator[str]:
        """What the challenger has to be."""
        yield from super().settings(gate, own)
        asked = "no worse by more than" if self.margin is not None else "better by at least"
        yield (
            f"the challenger has to be {asked} {abs(self.worst):.12g}, "
            f"where better is {describe_direction(self.metric, own)}"
        )


@dataclass(frozen=True)
class ValidDifference:
    """A valid difference; ``bounds`` has its sign chosen so that higher is better."""

    title: str | None
    rows: int
    units: int
    difference: Difference
    bounds: SamplingDistribution


def evaluate(rule: Change, comparison: Comparison, gate: GateParams) -> tuple[Finding, ...]:
    """One finding, or for a sliced rule one per value of its field; never empty.

    For a rule on every slice there is one for each slice that lost, and one for all others.
    """
    mistaken = inapplicable_reason(rule.metric, comparison.task, comparison.own_metrics)
    if mistaken is not None:
        return (rule.fail(mistaken),)
    if comparison.state != "compared" or comparison.differences is None:
        return (no_champion_finding(rule, comparison),)
    if rule.slice is None:
        read = [
            _read(
                rule,
                comparison.differences,
                comparison.rows,
                SamplingUnits(comparison.unit, comparison.units),
                None,
                comparison.own_metrics,
            )
        ]
        return tuple(_decided(rule, read, comparison, gate))
    wanted, rest = (
        ([part for part in comparison.slices if part.rows >= (rule.min_rows or 0)], [])
        if rule.slice == EVERY_SLICE
        else select_slices(rule, comparison.slices, "the comparison")
    )
    read = [
        rule.unmeasured_slice(part.title, part.rows, part.why or "")
        if part.differences is None
        else _read(
            rule,
            part.differences,
            part.rows,
            SamplingUnits(comparison.unit, part.units),
            part.title,
            comparison.own_metrics,
        )
        for part in wanted
    ]
    decided = _decided(rule, read, comparison, gate)
    if rule.slice == EVERY_SLICE:
        return _losses(rule, read, decided, comparison)
    return (*decided, *rest)


def _losses(
    rule: Change,
    read: Sequence[ValidDifference | Finding],
    decided: Sequence[Finding],
    comparison: Comparison,
) -> tuple[Finding, ...]:
    """The slices that lost beyond chance, and one finding for all others."""
    lost = tuple(each for each in decided if each.outcome is Outcome.FAIL)
    others = [
        (valid.bounds.value, each)
        for valid, each in zip(read, decided, strict=True)
        if isinstance(valid, ValidDifference) and each.outcome is not Outcome.FAIL
    ]
    small = len(read) - len(lost) - len(others)
    too_small = f"; {counted(small, 'slice')} too small to compare" if small else ""
    if not others:
        reason = f"no {'other ' if lost else ''}slice could be compared{too_small}"
        facts = {"metric": rule.metric, "tolerated": True}
        return (*lost, rule.finding(Outcome.INCONCLUSIVE, reason, **facts))
    _, worst = min(others, key=lambda each: each[0])
    more = "more " if lost else ""
    detail = (
        f"none of {counted(len(others), f'{more}slice')} loses more than {rule.margin:.12g} beyond "
        f"chance, corrected for their number; {worst.slice} comes nearest, where the change of "
        f"{rule.metric} is {worst.observed:.4g}, {comparison.confidence * 100:.4g}% interval "
        f"{worst.low:.4g} to {worst.high:.4g}{too_small}"
    )
    # Without its numbers: by chance its interval may reach beyond the limit.
    return (*lost, rule.finding(Outcome.PASS, detail, metric=rule.metric))


def no_champion_finding(rule: Rule, comparison: Comparison) -> Finding:
    """The finding without a comparison: tolerated if there is no champion yet, else FAIL."""
    if comparison.state == "none":
        none = "no champion yet, so there is nothing to compare with"
        return rule.finding(Outcome.INCONCLUSIVE, none, tolerated=True)
    return rule.fail(f"{STATES[comparison.state]}: {comparison.why or 'no reason given'}")


def _read(
    rule: Change,
    differences: Mapping[str, Difference],
    rows: int,
    units: SamplingUnits,
    title: str | None,
    own: OwnMetrics,
) -> ValidDifference | Finding:
    difference = differences.get(rule.metric)
    if difference is not None and difference.few and difference.standard_error is None and rows:
        return rule.insufficient_data(difference.why or "", title, rows, units, difference.needed)
    problem, bounds = "", None
    if difference is None:
        problem = f"the comparison has no {rule.metric}"
    elif rows == 0:
        problem = f"{rule.metric} was compared on no rows"
    elif difference.value is None or difference.standard_error is None:
        problem = f"{rule.metric} has no difference to decide on: {difference.why or 'no reason'}"
    else:
        try:
            bounds = orient_difference(rule.metric, difference, own)
            problem = f"the {rule.metric} of one of the two models is missing"
        except ValueError as error:
            problem = f"the difference of {rule.metric} decides nothing: {error}"
    if difference is None or bounds is None:
        return rule.fail(problem, slice=title, rows=rows, metric=rule.metric)
    return ValidDifference(title, rows, units.count, difference, bounds)


def _decided(
    rule: Change,
    read: Sequence[ValidDifference | Finding],
    comparison: Comparison,
    gate: GateParams,
) -> list[Finding]:
    sound = [each for each in read if isinstance(each, ValidDifference)]
    decisions = iter(
        decide_all(
            [each.bounds for each in sound],
            rule.worst,
            confidence=comparison.confidence,
            correction=gate.correction,
        )
    )
    return [
        _finding(rule, each, next(decisions), comparison, gate)
        if isinstance(each, ValidDifference)
        else each
        for each in read
    ]


def _finding(
    rule: Change,
    sound: ValidDifference,
    decision: IntervalDecision,
    comparison: Comparison,
    gate: GateParams,
) -> Finding:
    outcome = _OUTCOMES[decision.call]
    better = describe_direction(rule.metric, comparison.own_metrics)
    limit, direction = limit_and_direction(rule, better)
    sign = 1.0 if direction == "min" else -1.0
    value = sign * sound.bounds.value
    low, high = sorted((sign * decision.low, sign * decision.high))
    needed, doubt = None, sound.difference.doubt
    if outcome is Outcome.PASS and doubt is not None:
        outcome, needed = Outcome.INCONCLUSIVE, sound.difference.needed
        verb = f"seems to meet the limit of {finding.format_limit(limit, direction)}, but {doubt}"
    elif outcome is Outcome.PASS:
        verb = f"meets the limit of {finding.format_limit(limit, direction)}"
    elif outcome is Outcome.FAIL:
        verb = f"misses the limit of {finding.format_limit(limit, direction)}"
    else:
        units = SamplingUnits(comparison.unit, sound.units)
        needed = units_for_difference(
            units.count, sound.bounds, rule.worst, comparison.confidence, gate.power
        )
        verb = (
            f"cannot be told from the limit of {finding.format_limit(limit, direction)}: "
            + describe_power(
                sound.rows,
                units,
                "this slice" if sound.title else "the holdout",
                better,
                sound.bounds,
                rule.worst,
                comparison.confidence,
                gate.power,
            )
        )
    where = f" on {sound.title}" if sound.title else ""
    numbers = finding.format_interval(value, low, high, limit, comparison.confidence)
    return rule.finding(
        outcome,
        f"the change of {rule.metric}{where} is {numbers} which {verb}"
        f"{finding.clustering(sound.difference, comparison.unit, sound.units)}",
        metric=rule.metric,
        slice=sound.title,
        observed=value,
        low=low,
        high=high,
        limit=limit,
        direction=direction,
        champion=finding.finite_or_none(sound.difference.champion),
        challenger=finding.finite_or_none(sound.difference.challenger),
        method=sound.difference.method,
        # What is known exactly does not pass by chance.
        chance=(sound.bounds.p_above(rule.worst) if sound.bounds.standard_error else 0.0)
        if outcome is Outcome.PASS
        else None,
        rows=sound.rows,
        unit=comparison.unit,
        units=sound.units,
        units_needed=needed,
        design_effect=finding.finite_or_none(sound.difference.design_effect),
    )


def limit_and_direction(rule: Change, better: str) -> tuple[float, Direction]:
    """The limit on challenger minus champion, and its direction.

    For a metric that is best at zero, the difference is that of the absolute values.

    Parameters
    ----------
    better
        Which values are better (`assay.project.tasks.describe_direction`).
    """
    return (rule.worst, "min") if better == "higher" else (0.0 - rule.worst, "max")
