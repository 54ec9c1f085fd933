"""Distances between two sets of counts on the same cells.

The distance is the Jensen-Shannon distance: the square root of the divergence of J. Lin,
"Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37(1),
1991, to base 2; the root is a metric (D. Endres and J. Schindelin, IEEE Transactions on Information
Theory 49(7), 2003). It is 0 for equal shares and 1 for disjoint ones, and needs no smoothing.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assay.columns.features import Floats
from assay.columns.grid import NumberGrid
from assay.columns.profile import ColumnProfile

PSI_PSEUDO_COUNT = 0.5


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
