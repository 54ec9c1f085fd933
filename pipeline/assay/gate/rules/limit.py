"""``kind: limit``: a metric of the challenger against a fixed limit, inclusive.

PASS if the whole interval meets the limit, FAIL if the whole interval misses it, INCONCLUSIVE if
the limit is inside the interval. All slices have to pass, so PASS needs no multiple-testing
correction. A FAIL must hold after the policy's correction over the rule's slices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import numpy as np
from pydantic import model_validator

from assay.gate.inputs import GateInputs
from assay.gate.rules import finding, groups
from assay.gate.rules.kind import (
    Rule,
    RuleMetric,
    SlicedRule,
    exactly_one,
    metric_fault,
    select_slices,
)
from assay.metrics.estimate import Estimate
from assay.metrics.intervals.chance import chance_at_limit
from assay.metrics.intervals.decisions import adjust_p_values
from assay.metrics.intervals.power import units_needed
from assay.metrics.sampling_units import ROW, SamplingUnits, format_rounded_count, format_unit_count
from assay.project.params.behaviour import GateParams, RuleKeys
from assay.project.tasks import Task, inapplicable_reason
from assay.project.text import counted
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Direction, Finding, Outcome

if TYPE_CHECKING:
    from assay.contract.definition import Contract
    from assay.project.params import Params


class Limit(SlicedRule):
    """One limit on one metric."""

    metric: RuleMetric
    min: float | None = None
    max: float | None = None
    decide: Literal["interval", "value"] = "interval"

    more_holdout: ClassVar = True

    @model_validator(mode="after")
    def _one_limit(self) -> Limit:
        exactly_one(self, "min", "max")
        return self

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding, or one for each slice."""
        return evaluate(self, inputs.evaluation, gate)

    def missed(self) -> str:
        """Another model, or another rule."""
        return (
            "Give the model better features (data/contract.py) or other settings (candidates in "
            "params.yaml); if the rule asks too much, change it in gate.rules."
        )

    def faults(self, params: Params, contract: Contract, task: Task) -> Iterator[str]:
        """A field that is not sliced, or a metric that the task has not."""
        yield from super().faults(params, contract, task)
        yield from metric_fault(self, "metric", self.metric, params, task)


def at_most(rule: Rule, metric: str, most: float) -> Limit:
    """A rule of another kind as the limit that it sets on a number with an interval."""
    keys = {name: getattr(rule, name) for name in RuleKeys.model_fields}
    return Limit.model_construct(**keys, metric=metric, max=most)


class Sample(Protocol):
    """What was measured: how sure its intervals are, and the unit that they are by."""

    @property
    def confidence(self) -> float: ...

    @property
    def unit(self) -> str: ...


@dataclass(frozen=True)
class ValidMeasurement:
    """A valid measurement; value, interval and limit have their signs chosen: higher is better."""

    title: str | None
    rows: int
    units: int
    measured: Estimate
    value: float
    low: float
    high: float
    limit: float

    def miss_p_value(self, confidence: float) -> float:
        """One-sided p-value of the miss, if the true value is at the limit."""
        if self.value >= self.limit:
            return 1.0
        return groups.p_value(self.value, self.high, self.limit, confidence, self.measured.degrees)

    def meet_chance(self, confidence: float) -> float:
        """One-sided p-value of meeting the limit, if the true value is at it."""
        return chance_at_limit(
            *(self.value, self.low, self.high, self.limit),
            confidence=confidence,
            degrees=self.measured.degrees,
            share=True,
        )


def evaluate(rule: Limit, evaluation: Evaluation, gate: GateParams) -> tuple[Finding, ...]:
    """One finding, or for a sliced rule one per value of its field; never empty."""
    mistaken = inapplicable_reason(rule.metric, evaluation.task, evaluation.own_metrics)
    if mistaken is not None:
        return (rule.fail(mistaken),)
    if rule.slice is None:
        everywhere = read_part(
            rule,
            evaluation.metrics,
            evaluation.rows,
            SamplingUnits(evaluation.unit, evaluation.units),
            None,
        )
        return tuple(decided(rule, [everywhere], evaluation, gate))
    wanted, rest = select_slices(rule, evaluation.slices, "the evaluation")
    read = [
        rule.unmeasured_slice(part.title, part.rows, part.why or "")
        if part.metrics is None
        else read_part(
            rule, part.metrics, part.rows, SamplingUnits(evaluation.unit, part.units), part.title
        )
        for part in wanted
    ]
    return (*decided(rule, read, evaluation, gate), *rest)


def limit_and_direction(rule: Limit) -> tuple[float, Direction]:
    """The rule's limit and its direction."""
    if rule.min is not None:
        return rule.min, "min"
    if rule.max is not None:
        return rule.max, "max"
    raise ValueError(f"rule '{rule.name}' has no limit")


def read_part(
    rule: Limit,
    metrics: Mapping[str, Estimate],
    rows: int,
    units: SamplingUnits,
    title: str | None,
) -> ValidMeasurement | Finding:
    """The measurement, or a finding with the reason why it is not valid."""
    measured = metrics.get(rule.metric)
    if measured is not None and _too_few(rule, measured) and rows:
        return rule.insufficient_data(measured.why or "", title, rows, units, measured.needed)
    problem = _problem(rule, measured, rows)
    limit, direction = limit_and_direction(rule)
    if measured is None or problem:
        facts = {} if measured is None else _numbers(rule, measured)
        return rule.fail(problem, slice=title, rows=rows, metric=rule.metric, **facts)
    assert measured.value is not None
    ends = (measured.low, measured.high)
    if rule.decide == "value" or None in ends:
        ends = (measured.value, measured.value)
    low, high = (measured.value if end is None else end for end in ends)
    if direction == "max":
        return ValidMeasurement(
            title, rows, units.count, measured, -measured.value, -high, -low, -limit
        )
    return ValidMeasurement(title, rows, units.count, measured, measured.value, low, high, limit)


def _too_few(rule: Limit, measured: Estimate) -> bool:
    """Whether a number is missing for lack of data. That is INCONCLUSIVE, not FAIL."""
    missing = (measured.low, measured.high) if rule.decide == "interval" else ()
    return measured.few and None in (measured.value, *missing)


def _problem(rule: Limit, measured: Estimate | None, rows: int) -> str:
    """Why this measurement is not valid; empty if it is."""
    if measured is None:
        return f"the evaluation has no {rule.metric}"
    if rows == 0:
        return f"{rule.metric} was measured on no rows"
    why = measured.why or "no reason was given"
    if measured.value is None:
        return f"{rule.metric} could not be computed: {why}"
    if not math.isfinite(measured.value):
        return f"{rule.metric} is {measured.value}, not a number to decide on"
    ends = (measured.low, measured.high)
    if rule.decide == "interval" and None in ends:
        return f"{rule.metric} has no interval to decide on: {why}"
    if any(end is not None and not math.isfinite(end) for end in ends):
        return f"the interval of {rule.metric} is {measured.low} to {measured.high}"
    low, high = ends
    if low is not None and high is not None and not low <= measured.value <= high:
        return f"the interval of {rule.metric}, {low} to {high}, does not hold {measured.value}"
    return ""


def decided(
    rule: Limit,
    read: Sequence[ValidMeasurement | Finding],
    sample: Sample,
    gate: GateParams,
) -> list[Finding]:
    """The findings of what was read, in its order."""
    sound = [each for each in read if isinstance(each, ValidMeasurement)]
    chances = [each.miss_p_value(sample.confidence) for each in sound]
    missed = iter(adjust_p_values(np.array(chances), gate.correction).tolist())
    return [
        _finding(rule, each, next(missed), sample, gate)
        if isinstance(each, ValidMeasurement)
        else each
        for each in read
    ]


def _finding(
    rule: Limit,
    sound: ValidMeasurement,
    missed: float,
    sample: Sample,
    gate: GateParams,
) -> Finding:
    limit, direction = limit_and_direction(rule)
    words_of_limit = finding.format_limit(limit, direction)
    needed = None
    doubt = sound.measured.doubt if rule.decide == "interval" else None
    if sound.low >= sound.limit and doubt is None:
        outcome, verb = Outcome.PASS, f"meets the limit of {words_of_limit}"
    elif sound.low >= sound.limit:
        outcome = Outcome.INCONCLUSIVE
        needed = sound.measured.needed
        verb = f"seems to meet the limit of {words_of_limit}, but {doubt}"
    elif missed < (1 - sample.confidence) / 2:
        outcome, verb = Outcome.FAIL, f"misses the limit of {words_of_limit}"
    else:
        outcome = Outcome.INCONCLUSIVE
        needed = sound.measured.needed or _needed(sound, sample, gate)
        size = counted(sound.rows, "row")
        if sample.unit != ROW:
            size += f" of {format_unit_count(sound.units, sample.unit)}"
        verb = f"cannot be told from the limit of {words_of_limit} on {size}"
        if sound.high < sound.limit:
            verb += f": the interval misses it, but not after {gate.correction} over the slices"
        elif needed is not None:
            verb += f"; about {format_rounded_count(needed, sample.unit)} would tell"
    where = f" on {sound.title}" if sound.title else ""
    return rule.finding(
        outcome,
        f"{rule.metric}{where} {_words(rule, sound.measured, limit, sample)} {verb}"
        f"{finding.clustering(sound.measured, sample.unit, sound.units)}",
        metric=rule.metric,
        slice=sound.title,
        rows=sound.rows,
        unit=sample.unit,
        units=sound.units,
        units_needed=needed,
        design_effect=finding.finite_or_none(sound.measured.design_effect),
        chance=sound.meet_chance(sample.confidence)
        if outcome is Outcome.PASS and rule.decide == "interval"
        else None,
        **_numbers(rule, sound.measured),
    )


def _numbers(rule: Limit, measured: Estimate) -> dict[str, object]:
    limit, direction = limit_and_direction(rule)
    return {
        "observed": finding.finite_or_none(measured.value),
        "low": finding.finite_or_none(measured.low),
        "high": finding.finite_or_none(measured.high),
        "limit": limit,
        "direction": direction,
        "method": None if rule.decide == "interval" else "the value alone",
    }


def _needed(sound: ValidMeasurement, sample: Sample, gate: GateParams) -> int | None:
    """Number of units needed to decide this value against its limit; None if none is enough."""
    # As if the interval became narrower by the root of their number alone: with few degrees of
    # freedom it becomes so faster, but nobody knows how fast, and never before there are more.
    reach = groups.critical_value(sample.confidence, None)
    error = (sound.high - sound.low) / 2 / reach
    return units_needed(sound.units, error, sound.value, sound.limit, sample.confidence, gate.power)


def _words(rule: Limit, measured: Estimate, limit: float, sample: Sample) -> str:
    value, low, high = measured.value, measured.low, measured.high
    assert value is not None
    if rule.decide == "value" or low is None or high is None:
        return finding.format_number(value, limit)
    return finding.format_interval(value, low, high, limit, sample.confidence)
