"""What a column's profile says in words that people know: mean, spread, quantiles, distinct."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.columns import sketch
from assay.columns.features import Floats
from assay.columns.grid import NumberGrid
from assay.columns.profile import ColumnProfile

ALIKE = 1e-9
"""A cell's mean so near to its lower end, as a share of its width, that all values are there."""


def mean(column: ColumnProfile) -> float | None:
    """Of the numbers, an infinity taken to be 0; None without a finite one."""
    known = column.rows - column.nulls
    return column.total / known if known and column.low is not None else None


def deviation(column: ColumnProfile) -> float | None:
    """The standard deviation of the finite numbers; None without any.

    From the sum of squares, so it loses digits where the mean is far larger than the spread.
    """
    middle, known = mean(column), column.rows - column.nulls
    if middle is None:
        return None
    return math.sqrt(max(0.0, column.total_squares / known - middle * middle))


def quantiles(grid: NumberGrid, column: ColumnProfile, at: Sequence[float]) -> Floats:
    """Quantiles, from the fine cells; NaN without values.

    The true one lies in the same fine cell, between whose ends it is interpolated. A cell
    whose values are all alike gives that value.
    """
    if column.low is None or column.high is None:
        return np.full(len(at), np.nan)
    counts, sums = column.fine.counts, column.fine.sums
    cells = np.flatnonzero(counts)
    edges = np.array([column.low, *grid.fine, column.high])
    low = np.clip(edges[cells], column.low, column.high)
    # Ends are open: the largest value of a cell lies just under the next one's edge.
    high = np.clip(edges[cells + 1], column.low, column.high)
    middle = np.clip(sums[cells] / counts[cells], low, high)
    high = np.where(middle - low <= ALIKE * (high - low), low, high)
    reached = np.append(0, np.cumsum(counts[cells])) / counts.sum()
    where = np.clip(np.searchsorted(reached[1:], at), 0, len(cells) - 1)
    part = (np.asarray(at) - reached[where]) / (reached[where + 1] - reached[where])
    part = np.clip(part, 0.0, 1.0)
    found = low[where] + part * (high[where] - low[where])
    return np.asarray(np.clip(found, low[where], high[where]), dtype=np.float64)


def distinct(column: ColumnProfile) -> int | None:
    """About how many different values there are; None where no sketch was kept.

    No fewer than the cells that are not empty, and no more than there are values.
    """
    if not column.registers:
        return None
    cells = column.fine.counts if len(column.fine) else np.array(column.counts[:-1])
    least = int(np.count_nonzero(cells)) + len(column.new)
    return min(max(round(sketch.estimate(column.registers)), least), column.rows - column.nulls)


def remainder(column: ColumnProfile) -> int:
    """Rows whose category is neither on the grid nor among those that are named."""
    return column.counts[-1] - sum(count for _, count in column.new) if column.new else 0
