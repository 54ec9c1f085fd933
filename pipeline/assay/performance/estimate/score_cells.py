"""A histogram of probabilities: rows by cell of the score, with mean and spread inside each cell.

Estimation needs no more than this histogram of a night's scores. Rows are taken to be evenly spread
inside a cell, with a width that matches the column's sum of squares: if all rows of a cell have one
score (a step of an isotonic calibration), that sum shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.columns.features import Floats
from assay.columns.grid import NumberGrid
from assay.columns.profile import ColumnProfile

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
    found = max(total_squares - float(number @ np.square(means)), 0.0)
    share = found / expected if expected > 0 else 0.0
    return ScoreCells(low, high, number, means, np.sqrt(np.minimum(share * even, widest)))


def cells_from_profile(column: ColumnProfile, grid: NumberGrid) -> ScoreCells:
    """The cells of a profile's column of probabilities."""
    fine = column.fine
    return cells_from_histogram(
        grid.fine, fine.counts.tolist(), fine.sums.tolist(), column.total_squares
    )
