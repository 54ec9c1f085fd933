"""Two histograms of a column with the same bars: the reference's shares and the night's.

Distances use the grid's cells, which hold equal shares of the reference and would all have the same
height as bars. A histogram for people has bars of equal width instead. Each fine cell is added to
the bar that contains its mean. A column with few values has a bar for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from assay.columns import summary_statistics
from assay.columns.features import Floats
from assay.columns.grid import CategoryGrid, ColumnGrid, NumberGrid
from assay.columns.profile import ColumnProfile
from assay.project.text import mark_blanks

BARS = 24
"""Number of bars of equal width, besides one at either end; also the most values with own bars."""
CATEGORIES = 12
"""The most categories of the reference with a bar of their own."""
WITHIN = (0.01, 0.99)
"""Bars span from the lower of both columns' first quantile to the higher of their last."""


@dataclass(frozen=True, slots=True)
class HistogramPair:
    """The bars' names, and their shares of the non-null values in either column.

    ``at`` are their centres if they have equal width, else None.
    """

    names: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]
    at: tuple[float, ...] | None = None


def build_histograms(grid: ColumnGrid, before: ColumnProfile, now: ColumnProfile) -> HistogramPair:
    """Both columns' bars. The first and the last are left out where both columns have none.

    Parameters
    ----------
    before, now
        Counts on ``grid``.
    """
    columns, at = (before, now), None
    if isinstance(grid, CategoryGrid):
        names, counts = _categories(grid, columns)
    elif np.count_nonzero(before.fine.counts + now.fine.counts) <= BARS:
        names, counts = _values(columns)
    else:
        names, counts, at = _equal(grid, columns)
    kept = [
        place
        for place in range(len(names))
        if 0 < place < len(names) - 1 or any(each[place] > 0 for each in counts)
    ]
    shares = [tuple(float(each[place] / max(1.0, each.sum())) for place in kept) for each in counts]
    middles = None if at is None else tuple(at[place] for place in kept)
    return HistogramPair(tuple(names[place] for place in kept), shares[0], shares[1], middles)


def _categories(
    grid: CategoryGrid, columns: Sequence[ColumnProfile]
) -> tuple[list[str], list[Floats]]:
    known = len(grid.categories)
    head = known if known <= CATEGORIES + 1 else CATEGORIES
    names = list(grid.categories[:head])
    for rest in ("others", "new") if head < known else ("new",):
        while rest in grid.categories:
            rest = f"({rest})"
        names.append(rest)
    names = [mark_blanks(name) for name in names]
    counts = []
    for column in columns:
        others = [sum(column.counts[head:known])] if head < known else []
        each = [*column.counts[:head], *others, column.counts[known]]
        counts.append(np.array(each, np.float64))
    return names, counts


def _values(columns: Sequence[ColumnProfile]) -> tuple[list[str], list[Floats]]:
    """A bar for each non-empty fine cell."""
    together = np.sum([each.fine.counts for each in columns], axis=0)
    sums = np.sum([each.fine.sums for each in columns], axis=0)
    held = np.flatnonzero(together)
    names = _written(sums[held] / together[held])
    return names, [each.fine.counts[held].astype(np.float64) for each in columns]


def _equal(
    grid: NumberGrid, columns: Sequence[ColumnProfile]
) -> tuple[list[str], list[Floats], list[float]]:
    """Bars of equal width with one more at either end, and their centres."""
    most = np.array([summary_statistics.quantiles(grid, each, WITHIN) for each in columns])
    low, high = np.nanmin(most[:, 0]), np.nanmax(most[:, 1])
    if not low < high:  # nearly all values are equal
        low = min(each.low for each in columns if each.low is not None)
        high = max(each.high for each in columns if each.high is not None)
    part = np.linspace(0.0, 1.0, BARS + 1)
    edges = low * (1 - part) + np.nextafter(high, np.inf) * part
    written = _written(edges)
    names = [f"under {written[0]}"]
    names += [f"{a} to {b}" for a, b in pairwise(written)]
    names.append(f"over {written[-1]}")
    width = edges[1] - edges[0]
    ends = np.concatenate([[edges[0] - width], edges, [edges[-1] + width]])
    middles = [float(middle) for middle in ends[:-1] / 2 + ends[1:] / 2]
    return names, [_within(edges, each) for each in columns], middles


def _within(edges: Floats, column: ColumnProfile) -> Floats:
    counts, sums = column.fine.counts, column.fine.sums
    held = np.flatnonzero(counts)
    bar = np.searchsorted(edges, sums[held] / counts[held], side="right")
    return np.bincount(bar, weights=counts[held], minlength=len(edges) + 1).astype(np.float64)


def _written(values: Floats) -> list[str]:
    """Use as few digits as keep the names distinct: bars of one name would be merged."""
    for digits in range(4, 17):
        names = [f"{value:.{digits}g}" for value in values]
        if len(set(names)) == len(set(values.tolist())):
            break
    return names
