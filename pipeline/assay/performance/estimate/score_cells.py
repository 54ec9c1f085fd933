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
        Rows in it, more than 0; not a whole number in a part of a cell.
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

    def split(self, threshold: float, most: bool | None = None) -> tuple[ScoreCells, bool]:
        """Split the cell that contains ``threshold``; return the cells, and if the split is exact.

        The cell's rows are divided so that both parts are evenly spread and their mean is
        unchanged.

        Parameters
        ----------
        most
            True for as many rows at or above the threshold as their mean allows, False for as
            few.
        """
        inside = np.flatnonzero((self.low < threshold) & (threshold < self.high))
        if not len(inside):
            return self, True
        at = int(inside[0])
        low, high, mean = float(self.low[at]), float(self.high[at]), float(self.means[at])
        under, over = {
            None: ((low + threshold) / 2, (threshold + high) / 2),
            True: (low, threshold),
            False: (threshold, high),
        }[most]
        share = (mean - under) / (over - under)
        if share <= 0:
            parts = [(low, threshold, 1.0, min(mean, threshold))]
        elif share >= 1:
            parts = [(threshold, high, 1.0, max(mean, threshold))]
        else:
            parts = [(low, threshold, 1 - share, under), (threshold, high, share, over)]
        count, spread = self.counts[at], self.spread[at] / 2
        new = np.array([(start, end, part * count, m, spread) for start, end, part, m in parts])
        old = (self.low, self.high, self.counts, self.means, self.spread)
        return ScoreCells(
            *(
                np.concatenate([column[:at], piece, column[at + 1 :]])
                for column, piece in zip(old, new.T, strict=True)
            )
        ), False


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
