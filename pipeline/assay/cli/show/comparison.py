"""The comparison as two tables."""

from __future__ import annotations

from collections.abc import Iterator

from assay.cli.terminal import Line
from assay.evaluation.compare_page import headline
from assay.metrics.estimate import format_cells
from assay.metrics.intervals.difference import Difference
from assay.metrics.sampling_units import format_unit_count
from assay.project.tasks import HEADLINE, describe_direction
from assay.project.text import counted, format_short
from assay.reports.comparison import Comparison, difference_estimate, sort_slices

WORST = 5
"""Slices shown; comparison.json and the page have all."""


def lines(found: Comparison) -> Iterator[Line]:
    """Differences with their intervals, and the slices with the largest losses."""
    from rich.table import Table

    if found.why:
        yield f"{headline(found)}: {found.why}"
    if found.differences is None:
        return
    table = Table(
        title=f"{headline(found)} on {counted(found.rows, 'row')} of holdout, "
        f"{format_unit_count(found.units, found.unit)}",
        title_justify="left",
    )
    span = f"{found.confidence * 100:g}% interval"
    for column in ("metric", "champion", "challenger", "difference", span, "better"):
        table.add_column(column, justify="left" if column in ("metric", "better") else "right")
    for metric, one in found.differences.items():
        better = describe_direction(metric, found.own_metrics)
        table.add_row(metric, *_numbers(one), one.why or better)
    yield table
    if found.stability is not None:
        flipped = found.stability.flipped
        told = f"Distance of the scores {format_short(found.stability.distance)}"
        if flipped is not None:
            value, interval_of = format_cells(flipped)
            rows = counted(found.stability.rows, "row")
            told += f"; another prediction in {rows}, {value} ({interval_of})"
        yield f"{told}."
    if not found.slices:
        return
    by = HEADLINE[found.task]
    slices = Table(
        title=f"worst {min(WORST, len(found.slices))} of {len(found.slices)} slices by {by}",
        title_justify="left",
    )
    for column in ("slice", "rows", "champion", "challenger", "difference", span, "why none"):
        slices.add_column(column, justify="left" if column in ("slice", "why none") else "right")
    for part in sort_slices(found)[:WORST]:
        of_slice = None if part.differences is None else part.differences[by]
        why = part.why or (of_slice.why if of_slice is not None else None) or ""
        cells = ("", "", "not measured", "") if of_slice is None else _numbers(of_slice)
        slices.add_row(part.title, f"{part.rows:,}", *cells, why)
    yield slices


def _numbers(one: Difference) -> tuple[str, str, str, str]:
    return (
        format_short(one.champion),
        format_short(one.challenger),
        *format_cells(difference_estimate(one)),
    )
