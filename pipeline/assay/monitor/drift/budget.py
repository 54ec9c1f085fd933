"""From many distances to few alarms, with a stated number of false ones.

1. **k of n nights.** A column is tested on its last n nights at once: on its k-th largest
   distance d. If j - 1 of the reference's N nights stray as far as d or further, then k of n new
   nights lie beyond the reference's j-th furthest. How likely that is for ordinary nights is the
   p-value (`assay.monitor.drift.exceedance`): far smaller than the 1 / (N + 1) that is the least a
   single night can reach, and larger the more odd nights follow odd nights in the reference
   (`assay.monitor.drift.persistence`).
2. **False discovery rate.** The p-values of all columns and of the last n nights are one family
   (Y. Benjamini and Y. Hochberg, Journal of the Royal Statistical Society B 57(1), 1995); a column
   is in alarm on a night if the family's rejections at the level q hold it, and the night is one of
   the k.
3. **The budget.** Where nothing has changed every alarm is false, and a family has one with a
   probability of at most q. With q = false_alarms * n / 365, families of n nights that do not
   overlap have ``false_alarms`` of them a year. An eighth of that is left to breaks.

What lies beyond all that sampling and the reference's nights explain (`assay.columns.breaks`) is in
alarm at once, alone, within the same budget. What cannot be compared is in alarm at once; what is
over a limit set by hand (new categories, `monitor.limits`) has no p-value, and takes k of n
nights. Neither is part of the budget. A new version of the model starts its windows anew.

Nights that follow each other draw the reference's mean to themselves, so new nights lie further
from it than they did; distances are made smaller by just that (`assay.columns.serial.further`).
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

from assay.columns import serial
from assay.columns.breaks import SHARE, YEAR
from assay.metrics.intervals.decide import adjusted
from assay.monitor.drift.exceedance import exceedance
from assay.monitor.drift.persistence import persistence
from assay.project.params.drift import Budget

Kind: TypeAlias = Literal["answers", "features", "data"]


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """What is asked of a column: whether its distance grew, its nulls, or its new categories."""

    column: str
    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class SeenValue:
    """A night's value of a test, and the ordinary ones, in the order of their nights.

    ``value`` is None where a night has none (a column that is null on a calm night): that is not
    beyond anything. ``follows`` says by how much the ordinary nights follow each other
    (`assay.columns.serial`), None where their distances alone have to tell.
    """

    value: float | None
    usual: Sequence[float]
    follows: float | None = None


@dataclass(frozen=True, slots=True)
class NightEvidence:
    """All that a night says.

    Attributes
    ----------
    bundle
        Nights of other bundles are not in one window.
    seen
        What has a p-value.
    over
        What is over a limit set by hand, in words.
    broken
        What cannot be compared, in words.
    beyond
        What nothing explains, in words (`assay.columns.breaks`).
    """

    partition: str
    bundle: str
    seen: Mapping[Question, SeenValue]
    over: Mapping[Question, str] = field(default_factory=dict)
    broken: Mapping[Question, str] = field(default_factory=dict)
    beyond: Mapping[Question, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A column in alarm on a night.

    Attributes
    ----------
    p
        None if no p-value led to it.
    since
        The first of the nights that it took.
    """

    question: Question
    p: float | None
    since: str
    because: str


@dataclass(frozen=True, slots=True)
class NightAlarms:
    """A night's alarms.

    ``blind`` are columns that could not have been in alarm by themselves: too few nights are known
    to be ordinary, or they hang together too much, for p-values as small as the budget asks for.
    """

    partition: str
    alarms: tuple[Alarm, ...]
    blind: tuple[str, ...]


def alarms(nights: Iterable[NightEvidence], rule: Budget) -> Iterator[NightAlarms]:
    """Each night's alarms; what comes after a night makes no difference to it.

    Parameters
    ----------
    nights
        In their order.
    """
    window: deque[tuple[NightEvidence, dict[Question, float]]] = deque(maxlen=rule.of)
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
        found = [
            *_discovered(last, [each for _, each in window], rule),
            *_by_hand(last, rule),
        ]
        known = {alarm.question for alarm in found}
        found += [
            Alarm(question, None, night.partition, words)
            for question, words in at_once.items()
            if question not in known
        ]
        yield NightAlarms(night.partition, tuple(found), _blind(night, persistent, rule))


def level(rule: Budget) -> float:
    """The false discovery rate that spends what breaks leave of the budget."""
    return min(0.5, (1 - SHARE) * rule.false_alarms * rule.of / YEAR)


def _persistent(night: NightEvidence, rule: Budget) -> dict[Question, float]:
    """The persistence behind each question."""
    untold = [question for question, seen in night.seen.items() if seen.follows is None]
    series = tuple(tuple(night.seen[question].usual) for question in untold)
    of_distances = dict(zip(untold, persistence(series, rule.of), strict=True))
    return {
        # Of squares the correlation is that of the deviations, squared.
        question: of_distances[question] if seen.follows is None else seen.follows**2
        for question, seen in night.seen.items()
    }


def _p_value(
    question: Question, nights: Sequence[NightEvidence], rule: Budget, persistent: float
) -> float:
    values = [night.seen[question].value if question in night.seen else None for night in nights]
    usual, follows = nights[-1].seen[question].usual, math.sqrt(persistent)
    further = serial.further(len(usual), follows)
    nearer = [None if value is None else value / further for value in values]
    return p_value(nearer, usual, rule.nights, persistent)


def p_value(
    values: Sequence[float | None], usual: Sequence[float], k: int, persistent: float = 0.0
) -> float:
    """How likely k of so many ordinary nights are as far out as these; 1 if that is unknown.

    Parameters
    ----------
    values
        Of the nights; NaN is further out than anything.
    usual
        The reference nights'.
    persistent
        See `assay.monitor.drift.persistence`.
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
    nights: Sequence[NightEvidence], p: Sequence[Mapping[Question, float]], rule: Budget
) -> Iterator[Alarm]:
    family = np.array([value for each in p for value in each.values()], dtype=np.float64)
    now = list(p[-1].items())
    if not now:
        return
    rejected = adjusted(family, "benjamini-hochberg")[-len(now) :] <= level(rule)
    for (question, value), in_alarm in zip(now, rejected, strict=True):
        far = _furthest(question, nights, rule.nights) if in_alarm else []
        # Once a night is ordinary again it is not in alarm for the nights before it.
        if nights[-1].partition in far:
            words = f"{question.what} beyond the reference's on {len(far)} of {len(nights)} nights"
            yield Alarm(question, value, far[0], words)


def _furthest(question: Question, nights: Sequence[NightEvidence], k: int) -> list[str]:
    """The nights, in their order, that lie as far out as the k-th furthest."""
    values = {
        night.partition: night.seen[question].value
        for night in nights
        if question in night.seen and night.seen[question].value is not None
    }
    at_least = sorted(value for value in values.values() if value is not None)[-k]
    return [name for name, value in values.items() if value is not None and value >= at_least]


def _by_hand(nights: Sequence[NightEvidence], rule: Budget) -> Iterator[Alarm]:
    for question, words in nights[-1].over.items():
        over = [night.partition for night in nights if question in night.over]
        if len(over) >= rule.nights:
            yield Alarm(question, None, over[0], words)


def _blind(
    night: NightEvidence, persistent: Mapping[Question, float], rule: Budget
) -> tuple[str, ...]:
    """Columns that could not be in alarm by themselves, however far they strayed."""
    least = level(rule) / max(1, rule.of * len(night.seen))
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
