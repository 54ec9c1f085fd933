"""What a column holds, for people: statistics, and histograms of the reference and the night."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.columns import summary_statistics
from assay.columns.grid import CategoryGrid, NumberGrid
from assay.pages.histogram import HistogramPair, build_histograms
from assay.project.text import format_digits, format_percent

if TYPE_CHECKING:
    from assay.monitor.nights.content import ColumnContent

NAMES = (
    *("column", "nulls", "nulls in the reference", "distinct, about", "mean", "deviation"),
    *("least", "quarter", "median", "three quarters", "largest", "new categories"),
)
"""What `summary_cells` are, in their order."""

MOST_DRAWN = 60
"""The most columns with histograms: each takes 2 kB of a page."""

QUARTERS = (0.25, 0.5, 0.75)


def summary_cells(column: ColumnContent) -> list[str]:
    """The column's name and its statistics on all rows, each as text; empty where there is none."""
    now, before = column.now, column.before
    if now is None or not now.rows:
        return [column.name, "not counted", *[""] * 10]
    known = [summary_statistics.mean(now), summary_statistics.standard_deviation(now), now.low]
    middle: list[float | None] = [None] * 3
    if isinstance(column.grid, NumberGrid):
        middle = [
            float(value) for value in summary_statistics.quantiles(column.grid, now, QUARTERS)
        ]
    found = summary_statistics.distinct_count(now)
    new = column.finding.new_category_share
    return [
        column.name,
        format_percent(now.nulls / now.rows),
        format_percent(before.nulls / before.rows if before.rows else None),
        "" if found is None else f"{found:,}",
        *(format_number(value) for value in (*known, *middle, now.high)),
        format_percent(new) if isinstance(column.grid, CategoryGrid) else "",
    ]


def histograms(column: ColumnContent) -> HistogramPair | None:
    """The shares of the reference and of the night; None if either has no value."""
    before, now = column.before, column.now
    if now is None or (len(before.counts), len(before.fine)) != (len(now.counts), len(now.fine)):
        return None
    if not sum(before.counts) or not sum(now.counts):
        return None
    return build_histograms(column.grid, before, now)


def format_number(value: float | None) -> str:
    """Four significant digits; empty if it is no finite number."""
    return "" if value is None or not math.isfinite(value) else format_digits(value)
