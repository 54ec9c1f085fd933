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
from typing import Any, TypeAlias

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


def psi(p: npt.ArrayLike, q: npt.ArrayLike) -> Floats:
    """Population stability index of the counts ``q`` against the counts ``p``, along the last axis.

    Half a row is added to every cell of both, because one empty cell would make the index infinite.
    So small nights look slightly nearer to the reference than they are. It is reported for risk
    teams; no decision uses it. NaN if either is empty.
    """
    left, right = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    a, b = _shares(left + PSI_PSEUDO_COUNT), _shares(right + PSI_PSEUDO_COUNT)
    found = np.sum((b - a) * np.log(b / a), axis=-1)
    return np.where((left.sum(axis=-1) > 0) & (right.sum(axis=-1) > 0), found, np.nan)


def wasserstein(grid: NumberGrid, p: ColumnProfile, q: ColumnProfile) -> float:
    """`wassersteins` of one night."""
    return float(wassersteins(grid, p, [q])[0])


def wassersteins(grid: NumberGrid, p: ColumnProfile, nights: Sequence[ColumnProfile]) -> Floats:
    """Mean distance that values must move to turn a column into that of each night, in its unit.

    The area between the two distribution functions (Wasserstein distance of order 1; C. Villani,
    "Optimal Transport", 2009, remark 2.19). Within a fine cell values are assumed uniform around
    their mean, as far as the nearer end of the cell. The area under each function is then exact,
    and so is the distance, except in cells where the functions cross. Infinities are replaced by
    the largest and smallest numbers. NaN if either is empty.
    """
    extremes = np.array([(p.low, p.high), *((each.low, each.high) for each in nights)], np.float64)
    ends = np.empty((len(nights), len(grid.fine) + 2))
    # The outermost cells end at the extremes, which are NaN where a column is empty.
    ends[:, 0] = np.minimum(extremes[0, 0], extremes[1:, 0])
    ends[:, 1:-1] = grid.fine
    ends[:, -1] = np.maximum(extremes[0, 1], extremes[1:, 1])
    ends[:, 0], ends[:, -1] = np.minimum(*ends.T[:2]), np.maximum(*ends.T[-2:])
    low, high = ends[:, :-1], ends[:, 1:]
    counts, sums = (
        np.stack([getattr(each.fine, name) for each in nights]) for name in ("counts", "sums")
    )
    columns = [
        _within(each, values, low, high)
        for each, values in ((p.fine.counts, p.fine.sums), (counts, sums))
    ]
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
    # Along one axis a night, so that its sum does not depend on how many others there are.
    areas = np.ascontiguousarray((height * width).swapaxes(0, 1)).reshape(len(nights), -1)
    return np.where(np.isnan(ends).any(axis=1), np.nan, areas.sum(axis=1))


_Spread = tuple[Floats, Floats, Floats, Floats]


def _within(counts: Ints, sums: Floats, low: Floats, high: Floats) -> _Spread:
    """For each cell: the range of its values, the share of rows below it, and the share in it."""
    with np.errstate(invalid="ignore"):
        share = counts / counts.sum(axis=-1, keepdims=True)
    middle = np.clip(sums / np.maximum(counts, 1), low, high)
    # The sum of a single value is the value.
    half = np.where(counts > 1, np.minimum(middle - low, high - middle), 0.0)
    return middle - half, middle + half, np.cumsum(share, axis=-1) - share, share


def _reached(at: Floats, start: Floats, end: Floats, below: Floats, share: Floats) -> Floats:
    """The distribution function at given points of each cell."""
    width = end - start
    part = np.where(width > 0, (at - start) / np.where(width > 0, width, 1.0), at >= start)
    return np.asarray(below + share * np.clip(part, 0.0, 1.0))


def scaled_wasserstein(
    grid: NumberGrid, before: ColumnProfile, night: ColumnProfile
) -> float | None:
    """`scaled_wassersteins` of one night."""
    return scaled_wassersteins(grid, before, [night])[0]


def scaled_wassersteins(
    grid: NumberGrid, before: ColumnProfile, nights: Sequence[ColumnProfile]
) -> list[float | None]:
    """Wasserstein distance of each night in standard deviations of the reference.

    None if the reference does not vary, or numbers are too large to sum.
    """
    spread = reference_deviation(before)
    if spread is None:
        return [None] * len(nights)
    with np.errstate(over="ignore", invalid="ignore"):
        found = wassersteins(grid, before, nights) / spread
    return [
        value
        if math.isfinite(value) and np.abs(night.fine.sums).max() < sys.float_info.max
        else None
        for value, night in zip(found.tolist(), nights, strict=True)
    ]


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


def total_variation(p: npt.ArrayLike, q: npt.ArrayLike) -> Floats:
    """Half the sum of the differences of shares, along the last axis; NaN if either is empty."""
    found = np.abs(_shares(p) - _shares(q)).sum(axis=-1) / 2
    return np.asarray(np.minimum(1.0, found), dtype=np.float64)


def new_category_share(before: ColumnProfile, night: ColumnProfile) -> float:
    """Share of the non-null values outside the grid, minus the reference's own such share.

    The reference's share is 0, unless it had more categories than a grid holds.
    """
    now = night.counts[-1] / sum(night.counts)
    return max(0.0, now - before.counts[-1] / sum(before.counts))


_Counts: TypeAlias = Callable[[npt.ArrayLike, npt.ArrayLike], Floats]
_OfNights: TypeAlias = Callable[[ColumnGrid, ColumnProfile, Sequence[ColumnProfile]], list[Any]]


def _of_counts(measure: _Counts) -> _OfNights:
    return lambda _, before, nights: measure(
        before.counts, np.array([night.counts for night in nights], dtype=np.float64)
    ).tolist()


def _of_numbers(
    measure: Callable[[NumberGrid, ColumnProfile, Sequence[ColumnProfile]], list[Any]],
) -> _OfNights:
    return lambda grid, before, nights: (
        measure(grid, before, nights) if isinstance(grid, NumberGrid) else [None] * len(nights)
    )


_OF_NIGHTS: Mapping[str, _OfNights] = {
    "distance": _of_counts(js_distance),
    "psi": _of_counts(psi),
    "total_variation": _of_counts(total_variation),
    "wasserstein": _of_numbers(scaled_wassersteins),
    "ks": _of_numbers(
        lambda _, before, nights: ks_statistic(
            before.fine.counts, np.stack([night.fine.counts for night in nights])
        ).tolist()
    ),
}


def measure_nights(
    grid: ColumnGrid, before: ColumnProfile, nights: Sequence[ColumnProfile]
) -> list[dict[str, Any]]:
    """`MEASURES` of a column on several nights, by name; at once it takes a fifth as long."""
    found = [of(grid, before, nights) for of in _OF_NIGHTS.values()]
    return [dict(zip(_OF_NIGHTS, night, strict=True)) for night in zip(*found, strict=True)]


def _of_one(of: _OfNights) -> Callable[[ColumnGrid, ColumnProfile, ColumnProfile], Any]:
    return lambda grid, before, night: of(grid, before, [night])[0]


MEASURES = {name: _of_one(of) for name, of in _OF_NIGHTS.items()}
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
