"""Metrics and slices compared with the champion's, as a comment shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def _ordered(task: Task, numbers: Mapping[str, T]) -> list[tuple[str, T]]:
    """The headline first, then as the task has them, then the project's own."""
    first = [name for name in dict.fromkeys((HEADLINE[task], *METRICS[task])) if name in numbers]
    return [(name, numbers[name]) for name in (*first, *sorted(set(numbers) - set(first)))]


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
