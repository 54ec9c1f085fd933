"""Turn many distances into few alarms, at a stated rate of false alarms.

1. **k of n nights.** A column is tested on its last n nights at once, by its k-th largest distance
   d. If j - 1 of the reference's N nights have a distance of d or more, then k of n new nights
   exceed the reference's j-th largest. The probability of that on ordinary nights is the p-value
   (`assay.monitor.drift.exceedance`). It can be far below 1 / (N + 1), the smallest p-value of a
   single night. It is larger if the reference's unusual nights come in runs
   (`assay.monitor.drift.exceedance`).
2. **False discovery rate.** The p-values of all columns and of the last n nights are one family
   (Y. Benjamini and Y. Hochberg, Journal of the Royal Statistical Society B 57(1), 1995). A column
   is in alarm on a night if its p-value is rejected at the level q and the night is one of the k.
3. **The budget.** If nothing has changed, every alarm is false, and a family has one with a
   probability of at most q. With q = false_alarms * n / 365, non-overlapping families of n nights
   have ``false_alarms`` of them a year. An eighth of the budget is reserved for breaks.

A break (`assay.columns.break_limits`), which neither sampling nor the spread of the reference's
nights explains, raises an alarm on its first night, within the same budget. So does a column that
cannot be compared. A limit set by hand (new categories, `monitor.limits`, `monitor.measures`) has
no p-value and must be crossed on k of n nights. These two are not part of the budget. A new model
version starts new windows.

The reference's mean is fitted to its own nights, so new nights lie further from it than those did.
Distances are scaled down to correct for that (`assay.columns.autocorrelation.distance_inflation`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np

from assay.columns import autocorrelation, break_limits
from assay.columns.break_limits import SHARE, YEAR
from assay.columns.reference import Reference
from assay.metrics.intervals.decisions import adjust_p_values
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.drift.exceedance import exceedance, persistence
from assay.project.params import Monitor
from assay.project.params.monitoring import Budget

Kind: TypeAlias = Literal["answers", "features", "data", "reasons"]


@dataclass(frozen=True, slots=True, order=True)
class DriftTest:
    """One drift test: a column and the measure that is tested."""

    column: str
    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class SeenValue:
    """A night's value of a test, and the values on ordinary nights, in order.

    ``value`` is None where a night has none (a column that is null on a calm night); it then
    exceeds nothing. ``follows`` is the serial correlation of the ordinary nights
    (`assay.columns.autocorrelation`); if it is None, it is estimated from their distances.
    """

    value: float | None
    usual: Sequence[float]
    follows: float | None = None


@dataclass(frozen=True, slots=True)
class BudgetInput:
    """The inputs of one night to the budget.

    Attributes
    ----------
    bundle
        A window holds only nights of one bundle.
    seen
        The tests that have a p-value.
    over
        Crossed limits that were set by hand, each with a sentence.
    broken
        Columns that cannot be compared, each with the reason.
    beyond
        Breaks (`assay.columns.break_limits`), each with a sentence.
    """

    partition: str
    bundle: str
    seen: Mapping[DriftTest, SeenValue]
    over: Mapping[DriftTest, str] = field(default_factory=dict)
    broken: Mapping[DriftTest, str] = field(default_factory=dict)
    beyond: Mapping[DriftTest, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A column in alarm on a night.

    Attributes
    ----------
    p
        None if the alarm has no p-value.
    since
        The first of the nights that led to it.
    """

    question: DriftTest
    p: float | None
    since: str
    because: str


@dataclass(frozen=True, slots=True)
class RaisedAlarms:
    """A night's alarms.

    ``blind`` are columns that could not raise an alarm alone: their reference has too few nights,
    or nights too dependent, for p-values as small as the budget requires.
    """

    partition: str
    alarms: tuple[Alarm, ...]
    blind: tuple[str, ...]


def alarms(nights: Iterable[BudgetInput], rule: Budget) -> Iterator[RaisedAlarms]:
    """Each night's alarms. They do not depend on later nights.

    Parameters
    ----------
    nights
        In order.
    """
    window: deque[tuple[BudgetInput, dict[DriftTest, float]]] = deque(maxlen=rule.of)
    for night in nights:
        if window and window[-1][0].bundle != night.bundle:
            window.clear()
        before = [evidence for evidence, _ in window][-(rule.of - 1) :] if rule.of > 1 else []
        last = [*before, night]
        persistent = _persistent(night, rule)
        p = {
            question: _p_value(question, last, rule, persistent[question])
            for question in night.seen
        }
        window.append((night, p))
        at_once = {**night.beyond, **night.broken}
        raised = [
            *_discovered(last, [each for _, each in window], rule),
            *_by_hand(last, rule),
        ]
        known = {alarm.question for alarm in raised}
        raised += [
            Alarm(question, None, night.partition, words)
            for question, words in at_once.items()
            if question not in known
        ]
        yield RaisedAlarms(night.partition, tuple(raised), _blind(night, persistent, rule))


def fdr_level(rule: Budget) -> float:
    """The false discovery rate that spends the part of the budget not reserved for breaks."""
    return min(0.5, (1 - SHARE) * rule.false_alarms * rule.of / YEAR)


def _persistent(night: BudgetInput, rule: Budget) -> dict[DriftTest, float]:
    """The persistence of each test."""
    untold = [question for question, seen in night.seen.items() if seen.follows is None]
    series = tuple(tuple(night.seen[question].usual) for question in untold)
    of_distances = dict(zip(untold, persistence(series, rule.of), strict=True))
    return {
        # The correlation of squares is the squared correlation of the deviations.
        question: of_distances[question] if seen.follows is None else seen.follows**2
        for question, seen in night.seen.items()
    }


def _p_value(
    question: DriftTest, nights: Sequence[BudgetInput], rule: Budget, persistent: float
) -> float:
    values = [night.seen[question].value if question in night.seen else None for night in nights]
    usual, follows = nights[-1].seen[question].usual, math.sqrt(persistent)
    further = autocorrelation.distance_inflation(len(usual), follows)
    nearer = [None if value is None else value / further for value in values]
    return p_value(nearer, usual, rule.nights, persistent)


def p_value(
    values: Sequence[float | None], usual: Sequence[float], k: int, persistent: float = 0.0
) -> float:
    """Probability that k of as many ordinary nights have distances this large; 1 if unknown.

    Parameters
    ----------
    values
        Of the nights; NaN counts as infinite.
    usual
        Of the reference's nights.
    persistent
        See `assay.monitor.drift.exceedance`.
    """
    known = sorted(math.inf if value != value else value for value in values if value is not None)
    if len(known) < k or not usual:
        return 1.0
    as_far = len(usual) - bisect_left(_in_order(tuple(usual)), known[-k])
    return exceedance(len(values), k, as_far + 1, len(usual), persistent)


@lru_cache(maxsize=4096)
def _in_order(usual: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted(usual))


def _discovered(
    nights: Sequence[BudgetInput], p: Sequence[Mapping[DriftTest, float]], rule: Budget
) -> Iterator[Alarm]:
    family = np.array([value for each in p for value in each.values()], dtype=np.float64)
    now = list(p[-1].items())
    if not now:
        return
    rejected = adjust_p_values(family, "benjamini-hochberg")[-len(now) :] <= fdr_level(rule)
    for (question, value), in_alarm in zip(now, rejected, strict=True):
        far = _furthest(question, nights, rule.nights) if in_alarm else []
        # An ordinary night is not in alarm because of the nights before it.
        if nights[-1].partition in far:
            words = f"{question.what} beyond the reference's on {len(far)} of {len(nights)} nights"
            yield Alarm(question, value, far[0], words)


def _furthest(question: DriftTest, nights: Sequence[BudgetInput], k: int) -> list[str]:
    """The nights, in order, whose distance is at least the k-th largest."""
    values = {
        night.partition: night.seen[question].value
        for night in nights
        if question in night.seen and night.seen[question].value is not None
    }
    at_least = sorted(value for value in values.values() if value is not None)[-k]
    return [name for name, value in values.items() if value is not None and value >= at_least]


def _by_hand(nights: Sequence[BudgetInput], rule: Budget) -> Iterator[Alarm]:
    for question, words in nights[-1].over.items():
        over = [night.partition for night in nights if question in night.over]
        if len(over) >= rule.nights:
            yield Alarm(question, None, over[0], words)


def _blind(
    night: BudgetInput, persistent: Mapping[DriftTest, float], rule: Budget
) -> tuple[str, ...]:
    """Columns that could not raise an alarm alone, however large their distance."""
    least = fdr_level(rule) / max(1, rule.of * len(night.seen))
    return tuple(
        sorted(
            {
                question.column
                for question, seen in night.seen.items()
                if exceedance(rule.of, rule.nights, 1, len(seen.usual), persistent[question])
                > least
            }
        )
    )


DISTANCE, NULLS, MOVED = break_limits.DISTANCE, break_limits.NULLS, break_limits.MOVED
CATEGORIES, COMPARED = "new categories", "comparison"
REASONS = DriftTest("reasons", "reasons", "what moves scores")


def evidence(
    partition: str,
    bundle: str,
    decision: DriftDecision,
    reference: Reference,
    limits: Monitor,
    weekday: Mapping[str, SeenValue] | None = None,
) -> BudgetInput:
    """Sort a night's findings into tests with a p-value, limits set by hand, and immediate alarms.

    Parameters
    ----------
    weekday
        By column, the distance from the same weekdays before and its history. It replaces the
        distance from the reference if ``monitor.baseline`` is ``weekday``.
    """
    seen: dict[DriftTest, SeenValue] = {}
    over: dict[DriftTest, str] = {}
    beyond: dict[DriftTest, str] = {}
    broken: dict[DriftTest, str] = {}
    shift = decision.reasons_shift
    if reference.reasons is not None and shift is not None and shift.distance is not None:
        seen[REASONS] = SeenValue(shift.distance, reference.reasons.distances)
    for finding in decision.findings:
        name = finding.column
        follows = reference.autocorrelation.get(name)
        distance = _question(name, reference, DISTANCE)
        if finding.distance is None and finding.decisive:
            broken[DriftTest(name, "data", COMPARED)] = "; ".join(finding.reasons)
            continue
        if name in limits.limits:
            if finding.drifted:
                over[distance] = f"distance over {limits.limits[name]:g}, its limit set by hand"
        elif weekday is not None:
            seen[distance] = weekday.get(name, SeenValue(None, ()))
        else:
            seen[distance] = SeenValue(finding.distance, reference.distances[name], follows)
            if name in reference.moved:
                moved = SeenValue(finding.wasserstein, reference.moved[name], follows)
                seen[_question(name, reference, MOVED)] = moved
        for each in finding.measured:
            if each.words:
                over[_question(name, reference, each.title)] = each.words
        nulls = DriftTest(name, "data", NULLS)
        change = _null_change(finding, limits)
        seen[nulls] = SeenValue(change, reference.null_changes[name], follows)
        for broke in finding.breaks:
            if broke.what in (NULLS, break_limits.INFINITE):
                beyond[DriftTest(name, "data", broke.what)] = broke.words
            elif weekday is None:
                beyond[_question(name, reference, broke.what)] = broke.words
        new, most = finding.new_category_share, finding.new_category_limit
        if new is not None and most is not None and not new <= most:
            over[DriftTest(name, "data", CATEGORIES)] = (
                f"new categories over {most:.1%} of its values"
            )
    return BudgetInput(partition, bundle, seen, over, broken, beyond)


def _question(name: str, reference: Reference, what: str) -> DriftTest:
    return DriftTest(name, "answers" if name in reference.scores else "features", what)


def _null_change(finding: DriftFinding, limits: Monitor) -> float | None:
    """The absolute change of the null share; None if it is at most ``max_null_share_change``."""
    change = finding.null_share_change
    if change is None or abs(change) <= limits.max_null_share_change:
        return None
    return abs(change)
