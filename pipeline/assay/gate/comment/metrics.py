"""Metrics and slices beside the champion's, each with its interval as a picture. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from assay.gate.comment.bars import AXIS, interval_strip, share_bar
from assay.gate.comment.facts import CommentFacts
from assay.gate.comment.words import NAME, table
from assay.metrics.estimate import Estimate
from assay.metrics.intervals.difference import Difference
from assay.project.code_host.host_markdown import code, prose
from assay.project.tasks import (
    HEADLINE,
    METRICS,
    NEARER_ZERO_IS_BETTER,
    NO_OWN,
    OwnMetrics,
    Task,
    orient_value,
)
from assay.project.text.number_format import counted, format_short
from assay.reports.comparison import Comparison, SliceComparison
from assay.reports.evaluation import Evaluation

SHOWN = 6
"""The most slices that are shown unfolded."""
ALL = 200
NO_BREAK = "\u00a0"
"""A blank that no line ends at: an interval broken in two doubles the height of a table."""


def metrics(facts: CommentFacts) -> str:
    """Every metric beside the champion's; without a champion, with its interval alone."""
    compared, evaluation = facts.comparison, facts.evaluation
    if compared is not None and compared.differences:
        head = ("metric", "champion", "new", "change", _interval(compared), AXIS)
        names = _ordered(compared.task, list(compared.differences))
        own = compared.own_metrics
        rows = [_difference_row(name, compared.differences[name], own) for name in names]
        return f"### Metrics\n\n{table(head, rows, right=(1, 2, 3, 4))}"
    if evaluation is None or not evaluation.metrics:
        return ""
    alone = ("metric", "new", _interval(evaluation), "0 to 1")
    rows = [
        _estimate_row(name, evaluation.metrics[name])
        for name in _ordered(evaluation.task, list(evaluation.metrics))
    ]
    return f"### Metrics\n\n{table(alone, rows, right=(1, 2))}"


def moved_slices(compared: Comparison, most: int = SHOWN) -> str:
    """The slices that moved most; those whose interval leaves out zero first."""
    by = HEADLINE[compared.task]
    known = [(part, one) for part in compared.slices if (one := _known(part, by)) is not None]
    known.sort(key=lambda each: (not _sure(each[1]), -abs(each[1].value or 0.0), each[0].title))
    small = [part for part in compared.slices if _known(part, by) is None]
    shown = known[:most]
    reach = max((_reach(one) for _, one in shown), default=0.0)
    rows = [
        (
            code(part.title, NAME, cell=True),
            f"{part.rows:,}",
            format_short(one.champion),
            *_change(one),
            _strip(by, one, reach),
        )
        for part, one in shown
    ]
    notes = []
    if len(known) > most:
        notes.append(f"{len(known) - most:,} more moved less, or less surely.")
    if small:
        named = ", ".join(_unmeasured(part, by) for part in small[:most])
        more = f" and {len(small) - most:,} more" if len(small) > most else ""
        notes.append(f"Not measured: {named}{more}.")
    head = ("slice", "rows", "champion", "change", _interval(compared), AXIS)
    listed = [table(head, rows, right=(1, 2, 3, 4))] if rows else []
    return "\n\n".join([*listed, *([" ".join(notes)] if notes else [])])


def _unmeasured(part: SliceComparison, metric: str) -> str:
    """A slice without a number, its rows, and why."""
    one = None if part.differences is None else part.differences.get(metric)
    why = part.why or (one.why if one is not None else None)
    rows = counted(part.rows, "row")
    reason = rows if not why else why if why.startswith(rows) else f"{rows}: {why}"
    return f"{code(part.title, NAME)} ({prose(reason, NAME)})"


def headline_of(task: Task) -> str:
    return HEADLINE[task]


def _known(part: SliceComparison, metric: str) -> Difference | None:
    one = None if part.differences is None else part.differences.get(metric)
    return None if one is None or one.value is None else one


def _sure(one: Difference) -> bool:
    return one.low is not None and one.high is not None and (one.low > 0 or one.high < 0)


def _reach(one: Difference) -> float:
    return max(abs(each) for each in (one.value, one.low, one.high, 0.0) if each is not None)


def _ordered(task: Task, names: Sequence[str]) -> list[str]:
    first = (HEADLINE[task], *METRICS[task])
    return [*dict.fromkeys(each for each in first if each in names), *_rest(names, first)]


def _rest(names: Sequence[str], known: Sequence[str]) -> list[str]:
    return sorted(each for each in names if each not in known)


def _interval(found: Comparison | Evaluation) -> str:
    return f"{found.confidence * 100:.4g}% interval"


def _difference_row(name: str, one: Difference, own: OwnMetrics) -> tuple[str, ...]:
    models = (format_short(one.champion), format_short(one.challenger))
    drawn = _strip(name, one, _reach(one), own) or _why(one.why)
    return (prose(name, NAME), *models, *_change(one), drawn)


def _change(one: Difference) -> tuple[str, str]:
    interval = ""
    if one.low is not None and one.high is not None:
        interval = _together(_signed(one.low), _signed(one.high))
    return "" if one.value is None else _signed(one.value), interval


def _together(low: str, high: str) -> str:
    return f"{low}{NO_BREAK}to{NO_BREAK}{high}"


def _signed(value: float) -> str:
    return f"{value:+.4f}" if abs(value) < 10 else f"{value:+,.5g}"


def _strip(metric: str, one: Difference, reach: float, own: OwnMetrics = NO_OWN) -> str:
    if metric in NEARER_ZERO_IS_BETTER:
        return ""  # which way is better depends on where the champion stands
    sign = orient_value(metric, 1.0, own)
    value, low, high = (
        None if each is None else each * sign for each in (one.value, one.low, one.high)
    )
    drawn = interval_strip(value, low, high, reach)
    return f"`{drawn}`" if drawn else ""


def _why(why: str | None) -> str:
    return prose(why, NAME) if why else ""


def _estimate_row(name: str, one: Estimate) -> tuple[str, ...]:
    interval = ""
    if one.low is not None and one.high is not None:
        interval = _together(format_short(one.low), format_short(one.high))
    drawn = share_bar(one.value)
    return (
        prose(name, NAME),
        format_short(one.value),
        interval,
        f"`{drawn}`" if drawn else _why(one.why),
    )
