"""Why a night's scores differ from an earlier night's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.cli.terminal import Line
from assay.project.text import counted, format_short

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.monitor.explain.command import ExplainedChange
    from assay.monitor.explain.decomposition import Decomposition

ROWS_CHANGED = 0.2
"""From this change of the number of rows on, the sentence says it."""


def lines(found: ExplainedChange) -> Iterator[Line]:
    """The first outcome as a sentence, then each part's share of every outcome."""
    from rich.table import Table

    before, after, parts = found.before, found.after, found.parts
    yield _sentence(found)
    table = Table(show_header=True)
    table.add_column("part", no_wrap=True)
    for name in found.names:
        table.add_column(name, justify="right")
    fields = ", ".join(after.loaded.manifest.slices) or "no slice field"
    rows = [
        (f"{before.record.partition} ({before.record.version})", before.published, False),
        ("model", parts.model, True),
        (f"mix of rows ({fields})", parts.mix, True),
        *((title, part, True) for title, part in _ordered(parts)),
        ("rows not looked at", found.unseen, True),
        (f"{after.record.partition} ({after.record.version})", after.published, False),
    ]
    for title, values, signed in rows:
        table.add_row(title, *(f"{v:+.4f}" if signed else format_short(float(v)) for v in values))
    yield table
    for night in (before, after):
        left_out = f"; {night.changed:,} left out, as their input changed" if night.changed else ""
        yield (
            f"{night.record.partition}: {len(night.rows):,} of {night.record.rows_scored or 0:,} "
            f"rows looked at{left_out}"
        )


def _ordered(parts: Decomposition) -> list[tuple[str, Floats]]:
    return sorted(parts.columns.items(), key=lambda item: -abs(float(item[1][0])))


def _sentence(found: ExplainedChange) -> str:
    """The first outcome as a sentence: whether nights differ as much, else the largest parts."""
    before, after = float(found.before.published[0]), float(found.after.published[0])
    change, usual = after - before, found.usual
    moved = (
        f"{found.names[0]}: {format_short(before)} on {found.before.record.partition}, "
        f"{format_short(after)} on {found.after.record.partition} ({change:+.4f}"
        f"{_rows(found)})"
    )
    if usual is None:
        few = "how much nights differ is not known from those of this version before"
        return f"{moved}, {_parts(found, change)}; {few}"
    within = (
        f"what nights do ({usual.low:+.4f} to {usual.high:+.4f} by "
        f"{counted(usual.changes, 'change')} before, {usual.confidence:.0%})"
    )
    if usual.holds(change):
        return f"{moved}, within {within}"
    return f"{moved}, beyond {within}, {_parts(found, change)}"


def _rows(found: ExplainedChange) -> str:
    before, after = (each.record.rows_scored or 0 for each in (found.before, found.after))
    share = after / before - 1 if before else 0.0
    if abs(share) < ROWS_CHANGED:
        return ""
    many = "more rows" if share > 0 else "fewer rows"
    return f", with {abs(share):.0%} {many}"


def _parts(found: ExplainedChange, change: float) -> str:
    parts = found.parts
    named = {"the model": parts.model, "the mix of rows": parts.mix, **dict(_ordered(parts))}
    named["rows not looked at"] = found.unseen
    order = [
        (title, float(part[0]))
        for title, part in sorted(named.items(), key=lambda item: -abs(float(item[1][0])))
    ]
    (one, most), (other, next_most) = order[:2]
    if most * next_most < 0 and abs(next_most) > abs(change):
        return f"from parts that nearly cancel: {one} {most:+.4f} and {other} {next_most:+.4f}"
    return "mostly " + ", ".join(f"{title} {value:+.4f}" for title, value in order[:3])
