"""Metrics, slices and real nights compared with the champion's, as a comment shows them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from assay.metrics.estimate import Estimate
from assay.metrics.intervals.difference import Difference
from assay.pages.letters import interval_strip
from assay.project.tasks import (
    HEADLINE,
    METRICS,
    NEARER_ZERO_IS_BETTER,
    NO_OWN,
    OwnMetrics,
    Task,
    orient_value,
)
from assay.project.text import counted
from assay.reports.comparison import Comparison, SliceComparison
from assay.reports.evaluation import Evaluation
from assay.reports.rehearsal import NightChange, Rehearsal, RehearsedNight, RehearsedNights

T = TypeVar("T")


@dataclass(frozen=True)
class MovedSlices:
    """The slices whose headline metric moved most, those whose interval leaves out zero first.

    Attributes
    ----------
    reach
        The largest number of all intervals, for pictures of one scale.
    left
        How many more were measured.
    small, more_small
        Slices without a number, each with the reason, and how many more there are.
    """

    metric: str
    rows: Sequence[tuple[SliceComparison, Difference]]
    reach: float
    left: int
    small: Sequence[tuple[str, str]]
    more_small: int


def metric_rows(
    compared: Comparison | None, evaluation: Evaluation | None
) -> Sequence[tuple[str, Difference | Estimate]]:
    """Every metric compared with the champion's; without a champion, with its interval alone."""
    if compared is not None and compared.differences:
        return _ordered(compared.task, compared.differences)
    return [] if evaluation is None else _ordered(evaluation.task, evaluation.metrics)


def moved_slices(compared: Comparison, most: int) -> MovedSlices:
    """The ``most`` slices that moved most."""
    by = HEADLINE[compared.task]
    known = [(part, one) for part in compared.slices if (one := _known(part, by)) is not None]
    known.sort(key=lambda each: (not _sure(each[1]), -abs(each[1].value or 0.0), each[0].title))
    small = [part for part in compared.slices if _known(part, by) is None]
    reach = max((_reach(one) for _, one in known[:most]), default=0.0)
    return MovedSlices(
        by,
        known[:most],
        reach,
        max(len(known) - most, 0),
        [(part.title, _why_unmeasured(part, by)) for part in small[:most]],
        max(len(small) - most, 0),
    )


def _why_unmeasured(part: SliceComparison, metric: str) -> str:
    one = None if part.differences is None else part.differences.get(metric)
    why = part.why or (one.why if one is not None else None)
    rows = counted(part.rows, "row")
    return rows if not why else why if why.startswith(rows) else f"{rows}: {why}"


def _known(part: SliceComparison, metric: str) -> Difference | None:
    one = None if part.differences is None else part.differences.get(metric)
    return None if one is None or one.value is None else one


def _sure(one: Difference) -> bool:
    return one.low is not None and one.high is not None and (one.low > 0 or one.high < 0)


def _reach(one: Difference) -> float:
    return max(abs(each) for each in (one.value, one.low, one.high, 0.0) if each is not None)


def _ordered(task: Task, found: Mapping[str, T]) -> list[tuple[str, T]]:
    """The headline first, then as the task has them, then the project's own."""
    first = [name for name in dict.fromkeys((HEADLINE[task], *METRICS[task])) if name in found]
    return [(name, found[name]) for name in (*first, *sorted(set(found) - set(first)))]


def signed(value: float | None) -> str:
    """A difference with its sign; empty if it is unknown."""
    if value is None:
        return ""
    return f"{value:+.4f}" if abs(value) < 10 else f"{value:+,.5g}"


def picture(
    metric: str, one: Difference, reach: float | None = None, own: OwnMetrics = NO_OWN
) -> str:
    """The interval as letters, what is better right of zero; empty if there is none.

    Parameters
    ----------
    reach
        The largest number that is shown; None for the largest of this interval.
    """
    if metric in NEARER_ZERO_IS_BETTER:
        return ""  # which way is better depends on where the champion stands
    sign = orient_value(metric, 1.0, own)
    value, low, high = (
        None if each is None else each * sign for each in (one.value, one.low, one.high)
    )
    return interval_strip(value, low, high, _reach(one) if reach is None else reach)


@dataclass(frozen=True)
class NightTotals:
    """All rehearsed nights together.

    Attributes
    ----------
    rows, refused
        Of the nights that the challenger scored.
    both, flipped, newly
        Rows that both models scored, those of them decided otherwise (None for a regression), and
        rows that only the challenger refuses.
    before, after, moved, distance
        Mean scores, mean absolute change (for a regression), the largest distance of a night.
    cost
        Time and memory compared with the champion's, in words.
    held, held_too
        Nights that would be held, and how many of them also with the champion.
    reasons
        Days that could not be scored by a model, and why.
    """

    rows: int
    refused: int
    both: int
    flipped: int | None
    newly: int
    before: float | None
    after: float | None
    moved: float | None
    distance: float
    cost: Sequence[str]
    held: Sequence[RehearsedNight]
    held_too: int
    reasons: Sequence[tuple[str, str]]


def total_nights(rehearsal: Rehearsal, found: RehearsedNights) -> NightTotals:
    """Add up the rehearsed nights."""
    changes = [night.change for night in found.compared if night.change is not None]
    held = [night for night in found.scored if night.challenger and night.challenger.held]
    bad = [(night.day, night.why or night.champion_why) for night in found.nights]
    sure = bool(changes) and all(one.flipped is not None for one in changes)
    return NightTotals(
        rows=sum(night.rows or 0 for night in found.scored),
        refused=sum(night.challenger.quarantined for night in found.scored if night.challenger),
        both=sum(one.rows for one in changes),
        flipped=sum(one.flipped or 0 for one in changes) if sure else None,
        newly=sum(one.newly_quarantined for one in changes),
        before=_mean(changes, lambda one: one.champion_mean),
        after=_mean(changes, lambda one: one.challenger_mean),
        moved=_mean(changes, lambda one: one.absolute_change)
        if any(one.absolute_change is not None for one in changes)
        else None,
        distance=max((one.distance or 0.0 for one in changes), default=0.0),
        cost=list(_cost(rehearsal, found)),
        held=held,
        held_too=sum(night.champion is not None and bool(night.champion.held) for night in held),
        reasons=[(day, why) for day, why in bad if why],
    )


def _mean(
    changes: Sequence[NightChange], each: Callable[[NightChange], float | None]
) -> float | None:
    """The mean over all rows that both models scored; None without any."""
    rows = sum(one.rows for one in changes)
    return sum((each(one) or 0.0) * one.rows for one in changes) / rows if rows else None


def _cost(rehearsal: Rehearsal, found: RehearsedNights) -> Iterator[str]:
    rows = sum(night.rows or 0 for night in found.compared)
    if rows:
        mine, theirs = (
            sum(model.seconds for model in models if model) / rows * 1e6
            for models in (
                [night.challenger for night in found.compared],
                [night.champion for night in found.compared],
            )
        )
        yield f"{mine:,.1f} ms for 1,000 rows in the workers, the champion {theirs:,.1f} ms"
    if rehearsal.memory_mb is not None and found.champion.memory_mb is not None:
        yield (
            f"{rehearsal.memory_mb:,.0f} MB of memory, the champion "
            f"{found.champion.memory_mb:,.0f} MB"
        )
    if found.champion.cost_why is not None:
        yield f"the champion's cost: {found.champion.cost_why}"
