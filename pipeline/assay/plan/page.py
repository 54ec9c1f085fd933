"""A plan in words, and its page, which shows rows and so is never in git."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from assay.pages import charts, templating
from assay.pages.svg import BLUE, Picture
from assay.plan.document import Plan, PlannedNight, SliceChange
from assay.plan.moved_rows import MovedRow
from assay.project import layout
from assay.project.document import write_text
from assay.project.text import counted, first_few, format_percent
from assay.score.operations.changes import BINS, Changes
from assay.score.operations.why import plain

SURE = 3
"""Standard errors from which a slice is said to change more than the others."""

NO_NIGHTS = "no night is published or due, so there is nothing to plan"
NAMED = 3
"""Reasons of a score that the page names."""


def headline(plan: Plan) -> str:
    """What the plan changes, in one phrase."""
    nights, changes = counted(len(plan.planned), "night"), plan.changes
    if not plan.planned:
        return f"{plan.version}: {'no night could be planned' if plan.nights else NO_NIGHTS}"
    if changes is None:
        return f"{plan.version} scores {nights} that readers have not seen"
    what = changes.moved if plan.task == "regression" else changes.decided
    share = format_percent(what / changes.both, 2) if changes.both else "0%"
    verb = "move" if plan.task == "regression" else "are decided otherwise"
    return f"{plan.version} over {nights}: {counted(what, 'row')} ({share}) {verb}"


def sentences(plan: Plan) -> Iterator[str]:
    """What the plan changes, one sentence each: counts, and no value of a row but a slice's."""
    changes = plan.changes
    if changes is not None:
        yield from _changed(plan, changes)
    if not plan.nights:
        return
    refused = sum(night.quarantined for night in plan.planned)
    yield f"In quarantine: {counted(refused, 'row')}."
    held = [night.day for night in plan.planned if night.held]
    if held:
        yield (
            f"{counted(len(held), 'night')} would be held back, and cannot be applied: "
            f"{first_few(held)}."
        )
    loud = [night for night in plan.planned if night.alarms]
    if loud:
        columns = dict.fromkeys(text.partition(":")[0] for night in loud for text in night.alarms)
        yield (
            f"Monitoring would raise alarms on {counted(len(loud), 'night')}, about "
            f"{first_few(columns)}."
        )
    lost = [night.day for night in plan.nights if night.why is not None]
    if lost:
        yield f"{counted(len(lost), 'night')} could not be planned: {first_few(lost)}."


def _changed(plan: Plan, changes: Changes) -> Iterator[str]:
    both = changes.both
    of = f"of {counted(both, 'row')}"
    if plan.task == "binary":
        yield f"Across the threshold: {changes.up:,} up, {changes.down:,} down, {of}."
        if plan.usual is not None:
            share = (changes.up - changes.down) / both if both else 0.0
            yield (
                f"The share that is decided true changes by {100 * share:+.2f} points; from one "
                f"night to the next it differs by {100 * plan.usual:.2f} (standard deviation)."
            )
    elif plan.task == "multiclass":
        yield f"Another class: {changes.decided:,} {of}."
    yield (
        f"Scores that change by more than {plan.by:.4g}: {changes.moved:,}; the mean absolute "
        f"change is {changes.mean or 0:.4g}."
    )
    if changes.only_new or changes.only_old:
        yield (
            f"With a score only in the plan: {counted(changes.only_new, 'row')}; only in what "
            f"readers see: {changes.only_old:,}."
        )
    share = changes.decided / both if both else 0.0
    part = max(plan.slices, key=lambda each: _excess(each, share), default=None)
    if part is not None and _excess(part, share) > SURE:
        yield (
            f"More than elsewhere in {part.title}: {part.decided:,} of {counted(part.rows, 'row')} "
            f"({format_percent(part.decided / part.rows, 2)})."
        )


def _excess(part: SliceChange, share: float) -> float:
    """How many standard errors a slice has more decisions changed than all rows have."""
    error = math.sqrt(part.rows * share * (1 - share))
    return (part.decided - part.rows * share) / error if error else 0.0


def segment_words(plan: Plan) -> Iterator[str]:
    """Where scores move most, one line each."""
    for each in plan.segments:
        share = format_percent(each.rows / plan.sampled, 1)
        yield f"{'; '.join(each.where)}: {each.mean_change:+.4g} on average ({share} of the rows)"


def night_words(night: PlannedNight) -> str:
    """What is special of a night."""
    parts = [f"held: {'; '.join(night.held)}"] if night.held else []
    parts += [f"alarm: {'; '.join(night.alarms)}"] if night.alarms else []
    return "; ".join(parts) or night.why or ""


def write(root: Path, plan: Plan, moved: Sequence[MovedRow]) -> str:
    """Write the page; returns its path."""
    write_text(root / layout.PLAN_PAGE, html(plan, moved))
    return layout.PLAN_PAGE


def html(plan: Plan, moved: Sequence[MovedRow]) -> str:
    """The page; its size does not grow with the rows of the nights."""
    main = templating.render(
        "plan.html",
        p=plan,
        headline=headline(plan),
        sentences=list(sentences(plan)),
        segments=list(segment_words(plan)),
        picture=None if plan.changes is None else histogram(plan.changes),
        words=night_words,
        seen=first_few(sorted({night.by_version or "nothing" for night in plan.planned})),
        moved=[
            ("that rise most", [row for row in moved if row.change > 0]),
            ("that fall most", [row for row in moved if row.change < 0]),
        ],
        reasons=_reason_words,
        plain=plain,
    )
    return templating.compose_page(headline(plan), main)


def histogram(changes: Changes) -> Picture:
    """Rows by the change of their score."""
    width = 2 * changes.scale / BINS
    places = [-changes.scale + width * (number + 0.5) for number in range(BINS)]
    table = pd.DataFrame({"change": places, "rows": changes.histogram})
    moved = [at for at, rows in zip(places, changes.histogram, strict=True) if rows]
    far = max((abs(at) for at in moved), default=changes.scale) + width
    inside = table[table["change"].abs() <= far]
    title = "change of the score"
    return charts.bar_chart(inside, "change", [("rows", BLUE)], title, low=-far, high=far)


def _reason_words(row: MovedRow, side: str) -> str:
    row_reasons = row.new_reasons if side == "new" else row.old_reasons
    return (
        ", ".join(f"{each.words} = {plain(each.value)}" for each in row_reasons[:NAMED])
        or "not known"
    )
