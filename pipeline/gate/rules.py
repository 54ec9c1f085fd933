"""A rule and an evaluation in, findings out. Pure: no file, no clock, no chance.

Whatever cannot be decided because something is missing or makes no sense is FAIL. Only
two things are INCONCLUSIVE: an interval with the limit inside it, and a slice with too few
rows to measure.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping

from pipeline.gate.evaluation import Evaluation, Measured, Slice
from pipeline.params import Rule
from pipeline.tasks import unfit
from pipeline.verdict import Direction, Finding, Outcome


def decide(rule: Rule, evaluation: Evaluation) -> tuple[Finding, ...]:
    """What the evaluation says about one rule.

    Parameters
    ----------
    rule
        A limit on a metric, inclusive. ``decide: interval`` asks the whole interval to
        meet it, ``decide: value`` only the value.
    evaluation
        What evaluate measured.

    Returns
    -------
    tuple of Finding
        One, or for a slice rule one per value of its field, in the evaluation's order.
        Never empty: a slice field without values, or a metric that is none of the model's
        task, is one FAIL.
    """
    mistaken = unfit(rule.metric, evaluation.task)
    if mistaken is not None:
        return undecided(rule, mistaken)
    if rule.slice is None:
        return (_judge(rule, evaluation, evaluation.metrics, evaluation.rows, None),)
    parts = [part for part in evaluation.slices if part.field == rule.slice]
    if not parts:
        return (_finding(rule, Outcome.FAIL, _no_slice(rule.slice, evaluation)),)
    return tuple(_judge_slice(rule, evaluation, part) for part in parts)


def undecided(rule: Rule, reason: str) -> tuple[Finding, ...]:
    """The rule could not be looked at at all, which is FAIL."""
    return (_finding(rule, Outcome.FAIL, reason),)


def _judge_slice(rule: Rule, evaluation: Evaluation, part: Slice) -> Finding:
    if part.metrics is None:
        detail = f"{part.title} is too small to measure: {part.why or f'{part.rows} rows'}"
        return _finding(rule, Outcome.INCONCLUSIVE, detail, rows=part.rows, title=part.title)
    return _judge(rule, evaluation, part.metrics, part.rows, part.title)


def _judge(
    rule: Rule,
    evaluation: Evaluation,
    metrics: Mapping[str, Measured],
    rows: int,
    title: str | None,
) -> Finding:
    measured = metrics.get(rule.metric)
    problem = _problem(rule, measured, rows)
    if measured is None or problem:
        return _finding(rule, Outcome.FAIL, problem, measured, rows, title)
    met = _points_met(rule, measured)
    if all(met):
        outcome, words = Outcome.PASS, f"meets the limit of {_limit_words(rule)}"
    elif not any(met):
        outcome, words = Outcome.FAIL, f"misses the limit of {_limit_words(rule)}"
    else:
        outcome = Outcome.INCONCLUSIVE
        words = f"lies on both sides of the limit of {_limit_words(rule)}: {rows} rows cannot tell"
    where = f" on {title}" if title else ""
    numbers = _measured_words(rule, measured, evaluation.confidence)
    detail = f"{rule.metric}{where} {numbers} {words}"
    return _finding(rule, outcome, detail, measured, rows, title)


def _problem(rule: Rule, measured: Measured | None, rows: int) -> str:
    """Why this measurement decides nothing; empty when it does."""
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
    if measured.low is not None and measured.high is not None and measured.low > measured.high:
        return f"the interval of {rule.metric} is upside down: {measured.low} to {measured.high}"
    return ""


def _points_met(rule: Rule, measured: Measured) -> list[bool]:
    # An interval is convex, so its ends speak for every point between them.
    points = (measured.low, measured.high) if rule.decide == "interval" else (measured.value,)
    return [point is not None and _meets(rule, point) for point in points]


def _meets(rule: Rule, point: float) -> bool:
    limit, direction = limit_of(rule)
    return point >= limit if direction == "min" else point <= limit


def limit_of(rule: Rule) -> tuple[float, Direction]:
    """The rule's one limit and which way it points."""
    if rule.min is not None:
        return rule.min, "min"
    if rule.max is not None:
        return rule.max, "max"
    raise ValueError(f"rule '{rule.name}' has no limit")


def _limit_words(rule: Rule) -> str:
    limit, direction = limit_of(rule)
    return f"{'at least' if direction == 'min' else 'at most'} {limit:.12g}"


def _measured_words(rule: Rule, measured: Measured, confidence: float) -> str:
    limit, _ = limit_of(rule)
    value, low, high = (
        None if point is None else _digits(point, limit)
        for point in (measured.value, measured.low, measured.high)
    )
    if rule.decide == "value" or low is None:
        return f"{value}"
    return f"{value}, {confidence * 100:.4g}% interval {low} to {high},"


def _digits(point: float, limit: float) -> str:
    """Four digits, or as many as it takes to see on which side of the limit it is."""
    if point != limit:
        for digits in range(4, 17):
            text = f"{point:.{digits}g}"
            if text != f"{limit:.{digits}g}":
                return text
        return repr(point)
    return f"{point:.12g}"


def _no_slice(field: str, evaluation: Evaluation) -> str:
    known = sorted({part.field for part in evaluation.slices})
    if not known:
        return f"the evaluation has no slices, so none of '{field}'"
    near = difflib.get_close_matches(field, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"the evaluation has no slice '{field}', only {', '.join(known)}{hint}"


def _finding(
    rule: Rule,
    outcome: Outcome,
    detail: str,
    measured: Measured | None = None,
    rows: int | None = None,
    title: str | None = None,
) -> Finding:
    limit, direction = limit_of(rule)
    return Finding(
        rule=rule.name,
        kind="rule",
        outcome=outcome,
        detail=detail,
        metric=rule.metric,
        slice=title,
        observed=_finite(measured.value) if measured else None,
        low=_finite(measured.low) if measured else None,
        high=_finite(measured.high) if measured else None,
        limit=limit,
        direction=direction,
        rows=rows,
        owner=rule.owner,
        because=rule.because,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
