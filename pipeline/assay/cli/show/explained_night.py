"""Why a night's scores differ from an earlier night's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.cli.terminal import Line
from assay.project.text.number_format import format_short

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.monitor.explain.command import ExplainedChange
    from assay.monitor.explain.decomposition import Decomposition


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
    """The first outcome as a sentence, with the largest parts."""
    parts = found.parts
    before, after = float(found.before.published[0]), float(found.after.published[0])
    named = {"the model": parts.model, "the mix of rows": parts.mix, **dict(_ordered(parts))}
    named["rows not looked at"] = found.unseen
    order = sorted(named.items(), key=lambda item: -abs(float(item[1][0])))
    shown = ", ".join(f"{title} {float(part[0]):+.4f}" for title, part in order[:3])
    return (
        f"{found.names[0]}: {format_short(before)} on {found.before.record.partition}, "
        f"{format_short(after)} on {found.after.record.partition} "
        f"({after - before:+.4f}), mostly {shown}"
    )
