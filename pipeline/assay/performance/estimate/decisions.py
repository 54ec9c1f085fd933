"""Intervals for accuracy, precision, recall and F1 of these rows, once their labels are known.

TP is the number of positives among the rows predicted positive, FN that among the others. Both are
sums of independent labels with different probabilities (Poisson-binomial). With few rows they are
far from normal: of two expected true positives there may be none. So their skewness and a
continuity correction are used, as in the refined normal approximation of A. Volkova ("A refinement
of the central limit theorem for sums of independent random indicators", Theory of Probability and
its Applications 40(4), 1996), in its form for quantiles (E. Cornish and R. Fisher, "Moments and
cumulants in the specification of distributions", 1938).

A metric is at least m exactly if a weighted sum of the two is at least 0:

=========  ======================================  ============
metric     sum                                     step
=========  ======================================  ============
accuracy   TP - FN + rows - called - m rows        1
precision  TP - m called                           1
recall     (1 - m) TP - m FN                       max(1 - m, m)
F1         (2 - m) TP - m FN - m called            2 - m
=========  ======================================  ============

So its quantiles are the m at which a quantile of the sum is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.columns.grid import NumberGrid
from assay.columns.profile import ColumnProfile

METRICS = ("accuracy", "precision", "recall", "f1")
HALVINGS = 40


@dataclass(frozen=True)
class PositiveCounts:
    """The first three cumulants of the number of positives among some rows."""

    mean: float
    variance: float
    third: float

    @classmethod
    def of(cls, cells: ScoreCells, chosen: NDArray[np.bool_]) -> PositiveCounts:
        """Of the rows in the chosen cells, each row with its cell's probability."""
        rows, p, within = cells.counts[chosen], cells.means[chosen], cells.spread[chosen] ** 2
        return cls(
            float(rows @ p),
            max(float(rows @ (p * (1 - p) - within)), 0.0),
            float(rows @ (p * (1 - p) * (1 - 2 * p) + within * (6 * p - 3))),
        )


Terms = tuple[float, float, float, float]
"""The weights of TP and FN, the constant term, and the step of the sum."""


def intervals(
    cells: ScoreCells, threshold: float, confidence: float
) -> dict[str, tuple[float, float]]:
    """The interval of each of `METRICS`. Undefined metrics must be ignored by the caller.

    Parameters
    ----------
    cells
        None may contain ``threshold``.
    """
    predicted = cells.low >= threshold
    true, missed = PositiveCounts.of(cells, predicted), PositiveCounts.of(cells, ~predicted)
    rows, called = cells.rows, float(cells.counts[predicted].sum())
    sums: dict[str, Callable[[float], Terms]] = {
        "accuracy": lambda m: (1.0, -1.0, rows - called - m * rows, 1.0),
        "precision": lambda m: (1.0, 0.0, -m * called, 1.0),
        "recall": lambda m: (1 - m, -m, 0.0, max(1 - m, m)),
        "f1": lambda m: (2 - m, -m, -m * called, 2 - m),
    }
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return {
        name: (_quantile(terms, true, missed, -z), _quantile(terms, true, missed, z))
        for name, terms in sums.items()
    }


def _quantile(
    terms: Callable[[float], Terms], true: PositiveCounts, missed: PositiveCounts, z: float
) -> float:
    """The m in [0, 1] at which the sum's quantile is 0; the sum decreases in m."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _sum_quantile(terms(middle), true, missed, z) > 0:
            low = middle
        else:
            high = middle
    # A bound that the bisection never moved is returned exactly.
    return 0.0 if low == 0 else 1.0 if high == 1 else (low + high) / 2


def _sum_quantile(terms: Terms, true: PositiveCounts, missed: PositiveCounts, z: float) -> float:
    a, b, added, step = terms
    mean = a * true.mean + b * missed.mean + added
    variance = a * a * true.variance + b * b * missed.variance
    if variance <= 0:
        return mean
    skewed = (a**3 * true.third + b**3 * missed.third) / variance
    reach = z * math.sqrt(variance) + skewed * (z * z - 1) / 6
    return mean + reach + math.copysign(step / 2, z)


# -------------------------------------------------------------------------------------------------
# A histogram of probabilities: rows by cell of the score, with mean and spread inside each cell
# Estimation needs no more than this histogram of a night's scores. Rows are taken to be evenly
# spread inside a cell, with a width that matches the column's sum of squares: if all rows of a
# cell have one score (a step of an isotonic calibration), that sum shows it.

TINY = 1e-12
"""Probabilities nearer to 0 or 1 than this count as 0 or 1."""


@dataclass(frozen=True)
class ScoreCells:
    """The non-empty cells, by increasing probability; all arrays of shape (cells,).

    Attributes
    ----------
    low, high
        Ends of each cell, within [0, 1].
    counts
        Rows in it, more than 0.
    means
        Their mean probability.
    spread
        Their standard deviation.
    """

    low: Floats
    high: Floats
    counts: Floats
    means: Floats
    spread: Floats

    @property
    def rows(self) -> float:
        return float(self.counts.sum())


def cells_from_histogram(
    edges: Sequence[float],
    counts: Sequence[int],
    sums: Sequence[float],
    total_squares: float,
) -> ScoreCells:
    """The cells of a histogram of probabilities.

    Parameters
    ----------
    edges
        Of a grid over [0, 1] (`assay.columns.grid.SCORE_GRID`).
    counts
        In the grid's ``len(edges) + 1`` cells; the first and the last must be empty.
    sums
        Of the probabilities in each cell.
    total_squares
        Of all probabilities.

    Raises
    ------
    ValueError
        A row lies outside the grid.
    """
    every = np.asarray(counts, dtype=np.float64)
    if len(every) != len(edges) + 1 or every[0] or every[-1]:
        raise ValueError("probabilities outside of their grid")
    ends = np.clip(np.asarray(edges, dtype=np.float64), 0.0, 1.0)
    used = np.flatnonzero(every[1:-1])
    low, high, number = ends[:-1][used], ends[1:][used], every[1:-1][used]
    inside = np.asarray(sums, dtype=np.float64)[1:-1][used]
    means = np.clip(inside / number, low, high)
    means = np.where(means < TINY, 0.0, np.where(means > 1 - TINY, 1.0, means))
    widest = (means - low) * (high - means)
    even = np.minimum(np.square(high - low) / 12, widest)
    expected = float(number @ even)
    spread = max(total_squares - float(number @ np.square(means)), 0.0)
    share = spread / expected if expected > 0 else 0.0
    return ScoreCells(low, high, number, means, np.sqrt(np.minimum(share * even, widest)))


def cells_from_profile(column: ColumnProfile, grid: NumberGrid) -> ScoreCells:
    """The cells of a profile's column of probabilities."""
    fine = column.fine
    return cells_from_histogram(
        grid.fine, fine.counts.tolist(), fine.sums.tolist(), column.total_squares
    )
