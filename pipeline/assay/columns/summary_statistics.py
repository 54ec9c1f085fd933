"""Summary statistics of a column's profile: mean, deviation, quantiles, distinct values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from assay.columns import sketch
from assay.columns.features import Floats
from assay.columns.grid import NumberGrid
from assay.columns.profile import ColumnProfile

ALIKE = 1e-9
"""A cell whose mean is this near to its lower end, as a share of its width, holds equal values."""


def mean(column: ColumnProfile) -> float | None:
    """Mean of the numbers, infinities taken as 0; None without a finite one."""
    known = column.rows - column.nulls
    return column.total / known if known and column.low is not None else None


def standard_deviation(column: ColumnProfile) -> float | None:
    """The standard deviation of the finite numbers; None without any.

    Computed from the sum of squares, so it loses digits if the mean is far larger than the
    deviation.
    """
    middle, known = mean(column), column.rows - column.nulls
    if middle is None:
        return None
    return math.sqrt(max(0.0, column.total_squares / known - middle * middle))


def quantiles(grid: NumberGrid, column: ColumnProfile, at: Sequence[float]) -> Floats:
    """Quantiles, from the fine cells; NaN without values.

    The estimate is interpolated within the fine cell of the true quantile. A cell of equal values
    gives that value.
    """
    if column.low is None or column.high is None:
        return np.full(len(at), np.nan)
    counts, sums = column.fine.counts, column.fine.sums
    cells = np.flatnonzero(counts)
    edges = np.array([column.low, *grid.fine, column.high])
    low = np.clip(edges[cells], column.low, column.high)
    # Upper ends are open: a cell's largest value lies just below the next cell's edge.
    high = np.clip(edges[cells + 1], column.low, column.high)
    middle = np.clip(sums[cells] / counts[cells], low, high)
    high = np.where(middle - low <= ALIKE * (high - low), low, high)
    reached = np.append(0, np.cumsum(counts[cells])) / counts.sum()
    where = np.clip(np.searchsorted(reached[1:], at), 0, len(cells) - 1)
    part = (np.asarray(at) - reached[where]) / (reached[where + 1] - reached[where])
    part = np.clip(part, 0.0, 1.0)
    found = low[where] + part * (high[where] - low[where])
    return np.asarray(np.clip(found, low[where], high[where]), dtype=np.float64)


def distinct_count(column: ColumnProfile) -> int | None:
    """Approximate number of distinct values; None if no sketch was kept.

    At least the number of non-empty cells, and at most the number of values.
    """
    if not column.registers:
        return None
    cells = column.fine.counts if len(column.fine) else np.array(column.counts[:-1])
    least = int(np.count_nonzero(cells)) + len(column.new)
    return min(
        max(round(sketch.estimate_distinct(column.registers)), least), column.rows - column.nulls
    )


# --------------- upper quantiles of known distributions, without SciPy, which scoring does not load

_NEARLY_NORMAL = 500
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(96)


def poisson_quantile(mean: float, at_most: float) -> float:
    """The smallest count that a Poisson variable exceeds with a chance of at most ``at_most``."""
    if mean > _NEARLY_NORMAL:
        far = NormalDist().inv_cdf(1 - at_most)
        return math.ceil(mean + far * math.sqrt(mean) + far * far / 6)
    count, chance = 0, math.exp(-mean)
    beyond = 1 - chance
    while beyond > at_most and chance > 0:
        count += 1
        chance *= mean / count
        beyond -= chance
    return count


@lru_cache(maxsize=1024)
def chi_squared_quantile(at_most: float, freedom: int) -> float:
    """Upper quantile of chi-squared at level ``at_most`` (Wilson and Hilferty 1931)."""
    part, far = 2 / (9 * freedom), NormalDist().inv_cdf(1 - at_most)
    return float(freedom * (1 - part + far * math.sqrt(part)) ** 3)


@lru_cache(maxsize=1024)
def student_t_quantile(at_most: float, freedom: float) -> float:
    """Upper quantile of Student's t at level ``at_most``.

    With ``t = sqrt(freedom) / tan(angle)`` the
    probability is the integral of ``sin(angle) ** (freedom - 1)``, which is inverted by bisection.
    """
    whole = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2)) * math.sqrt(math.pi)

    def chance(angle: float) -> float:
        sines = np.log(np.sin(angle * (_POINTS + 1) / 2))
        return float(np.exp((freedom - 1) * sines) @ _WEIGHTS) * angle / 2 / whole

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) < at_most else (low, middle)
    return math.sqrt(freedom) / math.tan(high)
