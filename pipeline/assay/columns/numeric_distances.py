"""Distances of two numeric columns from their fine cells, for shifts that coarse cells miss.

- Wasserstein distance (`assay.columns.distance.wasserstein`) divided by the reference's standard
  deviation: the mean move of values in standard deviations. It shows how far values lie beyond the
  reference's range.
- Kolmogorov-Smirnov statistic: the largest difference of the two distribution functions, here at
  the edges of the fine cells (A. Kolmogorov, Giornale dell'Istituto Italiano degli Attuari 4, 1933;
  N. Smirnov, Annals of Mathematical Statistics 19(2), 1948). It is at most 1, however far values
  lie, and it includes infinities.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from assay.columns import distance, summary_statistics
from assay.columns.features import Floats
from assay.columns.grid import NumberGrid
from assay.columns.grid_builder import Ints
from assay.columns.profile import ColumnProfile

NEARLY = 3e-5
"""A deviation below this share of the mean is rounding error of equal values."""


def scaled_wasserstein(
    grid: NumberGrid, before: ColumnProfile, night: ColumnProfile
) -> float | None:
    """Wasserstein distance in standard deviations of the reference.

    None if the reference does not vary, or numbers are too large to sum.
    """
    spread = reference_deviation(before)
    if spread is None or np.abs(night.fine.sums).max() >= sys.float_info.max:
        return None
    with np.errstate(over="ignore"):
        found = distance.wasserstein(grid, before, night) / spread
    return found if math.isfinite(found) else None


def reference_deviation(before: ColumnProfile) -> float | None:
    """The reference's standard deviation; None if it is 0 or its sums overflow."""
    spread, middle = summary_statistics.standard_deviation(before), summary_statistics.mean(before)
    if spread is None or middle is None or not spread > NEARLY * abs(middle):
        return None
    # Sums that do not fit a float are capped.
    return None if before.total_squares >= sys.float_info.max else spread


def ks_statistic(p: Ints, q: Ints) -> Floats:
    """Kolmogorov-Smirnov statistic of counts on the same cells, in their order.

    Parameters
    ----------
    p, q
        Of shapes that broadcast to ``(..., cells)``.

    Returns
    -------
    numpy.ndarray
        Of shape ``(...)``, in [0, 1]; NaN where either has no count at all.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        left, right = (
            np.cumsum(each / each.sum(axis=-1, keepdims=True), axis=-1) for each in (p, q)
        )
    return np.asarray(np.clip(np.abs(left - right).max(axis=-1), 0.0, 1.0), dtype=np.float64)


def infinite_count(grid: NumberGrid, column: ColumnProfile) -> int:
    """Lower bound of the number of infinite values.

    The outermost fine cells hold them together with finite values beyond the reference's range,
    whose number is bounded by their sum.
    """
    if not grid.fine:
        return 0
    first, last = int(column.fine.counts[0]), int(column.fine.counts[-1])
    if column.low is None or column.high is None:
        return first + last
    below, above = float(column.fine.sums[0]), float(column.fine.sums[-1])
    lowest, highest = grid.fine[0], grid.fine[-1]
    return _infinite(first, -below, -lowest, -column.low) + _infinite(
        last, above, highest, column.high
    )


def _infinite(count: int, total: float, edge: float, furthest: float) -> int:
    """Number of infinities among the values above an upper edge; lower ones come negated."""
    if furthest < edge:
        return count
    # Finite values beyond a positive edge add up to at least as many times that edge.
    return max(0, count - math.floor(total / edge)) if edge > 0 else 0
