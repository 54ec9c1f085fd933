"""The evaluation as two tables."""

from __future__ import annotations

from collections.abc import Iterator

from assay.cli.terminal import Line
from assay.metrics.estimate import describe_design_effects, format_cells, format_design_effect
from assay.metrics.sampling_units import ROW, format_unit_count
from assay.project.tasks import describe_direction
from assay.project.text import counted
from assay.reports.evaluation import Evaluation, sort_slices

WORST = 5
"""Slices shown; evaluation.json and the page have all."""


def lines(found: Evaluation) -> Iterator[Line]:
    """Metrics with their intervals, and the worst slices."""
    from rich.table import Table

    title = f"{found.name}: {found.candidate} on {counted(found.rows, 'row')} of holdout"
    if found.unit != ROW:
        title += f", {format_unit_count(found.units, found.unit)}"
    table = Table(title=title, title_justify="left")
    span = f"{found.confidence * 100:g}% interval"
    for column in ("metric", "value", span, "design effect", "better"):
        table.add_column(column, justify="left" if column in ("metric", "better") else "right")
    for metric, one in found.metrics.items():
        table.add_row(
            metric,
            *format_cells(one),
            format_design_effect(one),
            one.why or describe_direction(metric, found.own_metrics),
        )
    yield table
    if told := describe_design_effects(found.metrics):
        yield f"Rows hang together: {told}."
    if not found.slices:
        return
    by = found.rank_by
    slices = Table(
        title=f"worst {min(WORST, len(found.slices))} of {len(found.slices)} slices by {by}",
        title_justify="left",
    )
    for column in ("slice", "rows", by, "interval", "why none"):
        slices.add_column(column, justify="left" if column in ("slice", "why none") else "right")
    for part in sort_slices(found)[:WORST]:
        estimate = None if part.metrics is None else part.metrics[by]
        why = part.why or (estimate.why if estimate is not None else None) or ""
        cells = ("not measured", "") if estimate is None else format_cells(estimate)
        slices.add_row(part.title, f"{part.rows:,}", *cells, why)
    yield slices
