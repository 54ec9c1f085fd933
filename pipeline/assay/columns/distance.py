"""Distances between two columns, computed from their counts alone, on the same cells.

``p`` are the reference's counts and ``q`` the night's, of the non-null values.

- Jensen-Shannon distance: the square root of the divergence of J. Lin, "Divergence measures based
  on the Shannon entropy", IEEE Transactions on Information Theory 37(1), 1991, to base 2; the root
  is a metric (D. Endres and J. Schindelin, IEEE Transactions on Information Theory 49(7), 2003). It
  is 0 for equal shares and 1 for disjoint ones, and needs no smoothing.
- Total variation, ``sum |p - q| / 2`` of the shares: the smallest share of rows that would have to
  change their cell to make the two equal (D. Levin and Y. Peres, "Markov Chains and Mixing
  Times", 2nd edition, 2017, chapter 4).
- Wasserstein distance divided by the reference's standard deviation: the mean move of values in
  standard deviations. It shows how far values lie beyond the reference's range.
- Kolmogorov-Smirnov statistic: the largest difference of the two distribution functions, here at
  the edges of the fine cells (A. Kolmogorov, Giornale dell'Istituto Italiano degli Attuari 4, 1933;
  N. Smirnov, Annals of Mathematical Statistics 19(2), 1948). It is at most 1, however far values
  lie, and it includes infinities.
- The share of new categories, and the change of the null share.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.columns import summary_statistics
from assay.columns.features import Floats
from assay.columns.grid import ColumnGrid, NumberGrid
from assay.columns.grid_builder import Ints
from assay.columns.profile import ColumnProfile

PSI_PSEUDO_COUNT = 0.5

NEARLY = 3e-5
"""A deviation below this share of the mean is rounding error of equal values."""


def js_distance(p: npt.ArrayLike, q: npt.ArrayLike) -> Floats:
    """Jensen-Shannon distance, base 2, along the last axis.

    Parameters
    ----------
    p, q
        Counts, of shapes that broadcast to ``(..., cells)``.

    Returns
    -------
    numpy.ndarray
        Of shape ``(...)``, in [0, 1]; NaN where either has no count at all.
    """
    left, right = _shares(p), _shares(q)
    middle = (left + right) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = sum(
            np.where(side > 0, side * np.log2(side / middle), np.where(side == 0, 0.0, np.nan))
            for side in (left, right)
        )
    # Rounding can make the divergence of equal shares negative, whose root is NaN.
    return np.asarray(np.sqrt(np.clip(np.sum(terms, axis=-1) / 2, 0.0, 1.0)), dtype=np.float64)


def _shares(counts: npt.ArrayLike) -> Floats:
    values = np.asarray(counts, dtype=np.float64)
    total = values.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, values / total, np.nan)


def psi(p: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Population stability index of the counts ``q`` against the counts ``p``.

    Half a row is added to every cell of both, because one empty cell would make the index infinite.
    So small nights look slightly nearer to the reference than they are. It is reported for risk
    teams; no decision uses it. NaN if either is empty.
    """
    left, right = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if left.sum() <= 0 or right.sum() <= 0:
        return math.nan
    a, b = _shares(left + PSI_PSEUDO_COUNT), _shares(right + PSI_PSEUDO_COUNT)
    return float(np.sum((b - a) * np.log(b / a)))


def wasserstein(grid: NumberGrid, p: ColumnProfile, q: ColumnProfile) -> float:
    """Mean distance that values must move to turn one column into the other, in its own unit.

    The area between the two distribution functions (Wasserstein distance of order 1; C. Villani,
    "Optimal Transport", 2009, remark 2.19). Within a fine cell values are assumed uniform around
    their mean, as far as the nearer end of the cell. The area under each function is then exact,
    and so is the distance, except in cells where the functions cross. Infinities are replaced by
    the largest and smallest numbers. NaN if either is empty.
    """
    if p.low is None or p.high is None or q.low is None or q.high is None:
        return math.nan
    ends = np.array([min(p.low, q.low), *grid.fine, max(p.high, q.high)])
    # The outermost cells end at the extremes.
    ends[0], ends[-1] = min(ends[0], ends[1]), max(ends[-1], ends[-2])
    low, high = ends[:-1], ends[1:]
    columns = [_within(column, low, high) for column in (p, q)]
    points = np.stack([low, high, *(point for each in columns for point in each[:2])])
    points.sort(axis=0)
    start, width = points[:-1], np.diff(points, axis=0)
    # Between neighbouring points both functions are linear, so two values determine them.
    first, last = (
        _reached(start + part * width, *columns[0]) - _reached(start + part * width, *columns[1])
        for part in (0.25, 0.75)
    )
    left, right = np.abs(1.5 * first - 0.5 * last), np.abs(1.5 * last - 0.5 * first)
    crossed = (1.5 * first - 0.5 * last) * (1.5 * last - 0.5 * first) < 0
    size = np.where(crossed, left + right, 1.0)
    height = np.where(crossed, (left**2 + right**2) / (2 * size), (left + right) / 2)
    return float((height * width).sum())


_Spread = tuple[Floats, Floats, Floats, Floats]


def _within(column: ColumnProfile, low: Floats, high: Floats) -> _Spread:
    """For each cell: the range of its values, the share of rows below it, and the share in it."""
    counts = column.fine.counts
    share = counts / counts.sum()
    middle = np.clip(column.fine.sums / np.maximum(counts, 1), low, high)
    # The sum of a single value is the value.
    half = np.where(counts > 1, np.minimum(middle - low, high - middle), 0.0)
    return middle - half, middle + half, np.cumsum(share) - share, share


def _reached(at: Floats, start: Floats, end: Floats, below: Floats, share: Floats) -> Floats:
    """The distribution function at given points of each cell."""
    width = end - start
    part = np.where(width > 0, (at - start) / np.where(width > 0, width, 1.0), at >= start)
    return np.asarray(below + share * np.clip(part, 0.0, 1.0))


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
        found = wasserstein(grid, before, night) / spread
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
    # Beyond the edge of a column that was 0 throughout, the quotient may be too large for a float.
    return max(0, count - math.floor(min(total / edge, count))) if edge > 0 else 0


def total_variation(p: tuple[int, ...], q: tuple[int, ...]) -> float:
    """Half the sum of the differences of shares; in [0, 1], NaN if either is empty."""
    left, right = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if left.sum() <= 0 or right.sum() <= 0:
        return math.nan
    return float(min(1.0, np.abs(left / left.sum() - right / right.sum()).sum() / 2))


def new_category_share(before: ColumnProfile, night: ColumnProfile) -> float:
    """Share of the non-null values outside the grid, minus the reference's own such share.

    The reference's share is 0, unless it had more categories than a grid holds.
    """
    now = night.counts[-1] / sum(night.counts)
    return max(0.0, now - before.counts[-1] / sum(before.counts))


MEASURES: Mapping[str, Callable[[ColumnGrid, ColumnProfile, ColumnProfile], Any]] = {
    "distance": lambda _, before, night: float(js_distance(before.counts, night.counts)),
    "psi": lambda _, before, night: psi(before.counts, night.counts),
    "total_variation": lambda _, before, night: total_variation(before.counts, night.counts),
    "wasserstein": lambda grid, before, night: (
        scaled_wasserstein(grid, before, night) if isinstance(grid, NumberGrid) else None
    ),
    "ks": lambda grid, before, night: (
        float(ks_statistic(before.fine.counts, night.fine.counts))
        if isinstance(grid, NumberGrid)
        else None
    ),
}
"""Of a night's column from the reference's, both with a value on the grid; None if it has none.

The names are keys of a night's document, and of ``monitor.measures``.
"""


def learnt_limit(distances: Sequence[float], quantile: float) -> float | None:
    """The quantile of the reference's own distances, rounded up to one that occurred."""
    return _learnt_limit(tuple(distances), quantile)


@lru_cache(maxsize=4096)
def _learnt_limit(distances: tuple[float, ...], quantile: float) -> float | None:
    # Cached: it is the same on every night of a range.
    if not distances:
        return None
    limit = float(np.quantile(np.asarray(distances), quantile, method="higher"))
    return limit if math.isfinite(limit) else None
