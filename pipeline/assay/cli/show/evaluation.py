"""The evaluation as two tables."""

from __future__ import annotations

from collections.abc import Iterator

from assay.cli.terminal import Line
from assay.metrics.estimate import cells, effect, hangs
from assay.metrics.units import ROW, counted
from assay.project.tasks import better
from assay.reports.evaluation import Evaluation, worst_first

WORST = 5
"""Slices shown; evaluation.json and the page have all."""


def lines(found: Evaluation) -> Iterator[Line]:
    """Metrics with their intervals, and the worst slices."""
    from rich.table import Table

    title = f"{found.name}: {found.candidate} on {found.rows:,} rows of holdout"
    if found.unit != ROW:
        title += f", {counted(found.units, found.unit)}"
    table = Table(title=title, title_justify="left")
    span = f"{found.confidence * 100:g}% interval"
    for column in ("metric", "value", span, "design effect", "better"):
        table.add_column(column, justify="left" if column in ("metric", "better") else "right")
    for metric, one in found.metrics.items():
        table.add_row(metric, *cells(one), effect(one), one.why or better(metric))
    yield table
    if told := hangs(found.metrics):
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
    for part in worst_first(found)[:WORST]:
        estimate = None if part.metrics is None else part.metrics[by]
        why = part.why or (estimate.why if estimate is not None else None) or ""
        slices.add_row(f"{part.field}={part.value}", f"{part.rows:,}", *cells(estimate), why)
    yield slices
