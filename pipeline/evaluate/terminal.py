"""The evaluation as two tables in a terminal."""

from __future__ import annotations

from pipeline.evaluate.results import Estimate, Evaluation, SliceResult
from pipeline.params import HIGHER_IS_BETTER

WORST = 5
"""Slices shown; all of them are in evaluation.json and on the page."""

RANK_BY = "auc"


def show(found: Evaluation, name: str, candidate: str) -> None:
    """Print metrics with their intervals and the slices that are ranked worst."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    title = f"{name}: {candidate} on {found.rows:,} rows of holdout"
    table = Table(title=title, title_justify="left")
    for column in ("metric", "value", f"{found.confidence * 100:g}% interval", "better"):
        table.add_column(column, justify="left" if column in ("metric", "better") else "right")
    for metric, one in found.metrics.items():
        better = "higher" if metric in HIGHER_IS_BETTER else "lower"
        table.add_row(metric, *cells(one), one.why or better)
    console.print(table)
    if not found.slices:
        return
    slices = Table(
        title=f"worst {min(WORST, len(found.slices))} of {len(found.slices)} slices by {RANK_BY}",
        title_justify="left",
    )
    for column in ("slice", "rows", RANK_BY, "interval", "why none"):
        slices.add_column(column, justify="left" if column in ("slice", "why none") else "right")
    for part in worst_first(found.slices)[:WORST]:
        estimate = None if part.metrics is None else part.metrics[RANK_BY]
        why = part.why or (estimate.why if estimate is not None else None) or ""
        slices.add_row(
            escape(f"{part.field}={part.value}"), f"{part.rows:,}", *cells(estimate), escape(why)
        )
    console.print(slices)


def worst_first(slices: tuple[SliceResult, ...]) -> list[SliceResult]:
    """Slices from the lowest ``RANK_BY`` up; those without a value come last."""

    def rank(part: SliceResult) -> tuple[bool, float]:
        value = None if part.metrics is None else part.metrics[RANK_BY].value
        return (value is None, 0.0 if value is None else value)

    return sorted(slices, key=rank)


def cells(estimate: Estimate | None) -> tuple[str, str]:
    """Value and interval as text, four digits; a dash where there is none."""
    if estimate is None or estimate.value is None:
        return "-", "-"
    value = f"{estimate.value:.4f}"
    if estimate.low is None or estimate.high is None:
        return value, "-"
    return value, f"{estimate.low:.4f} to {estimate.high:.4f}"
