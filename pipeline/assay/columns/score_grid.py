"""Builds the grid for probabilities from the reference's scores.

With rare events, cells of equal width would hold nearly all rows in one cell. So the coarse cells,
on which nights are compared, have equal shares of the reference's rows. The fine ones have equal
shares of its expected positives and negatives together: cells are narrow wherever both labels
occur, whatever the base rate.

A model scores nights slightly differently from the folds that made the reference. So coarse edges
lie halfway between values that occur, and the reference's range ends a margin beyond its extremes.
"""

from __future__ import annotations

import numpy as np

from assay.columns.features import Floats
from assay.columns.grid import SCORE_GRID, NumberGrid
from assay.columns.grid_builder import refine_edges

COARSE = 20
"""Number of cells of equal share on which distances are measured."""

FINE = 100
"""Number of fine cells of about equal weight."""

MARGIN = 0.25
"""Log odds beyond the reference's range that still count as within it."""

CERTAIN = 1e-12
"""Probabilities nearer to 0 or 1 than this count as 0 or 1."""

_ODDS = np.arange(-12.0, 12.5, 0.75)
"""Edges for ranges without reference rows, so that nights outside its range are resolved too."""


def probability_grid(scores: Floats, threshold: float | None = None) -> NumberGrid:
    """The grid for probabilities distributed like these.

    Two cells hold no row of the reference: the one below its range, unless it begins at 0, and the
    one above it, unless it ends at 1.

    Parameters
    ----------
    scores
        Of the reference rows, of shape (rows,); NaN if a row has none.
    threshold
        The decision threshold: an edge of a fine cell, so that rows on either side are counted
        exactly.
    """
    known = np.sort(scores[(scores >= 0) & (scores <= 1)]) + 0.0  # -0.0 is 0.0
    fixed = {*SCORE_GRID.edges, *_probabilities(_ODDS)}
    if threshold is not None:
        fixed.add(threshold)
    if not len(known):
        return NumberGrid(SCORE_GRID.edges, tuple(sorted(fixed)))
    ends = {SCORE_GRID.edges[0], SCORE_GRID.edges[-1]}
    coarse = tuple(sorted({*ends, *_margins(known), *_halfway(known)}))
    fine = sorted({*fixed, *coarse, *_equal_weight(known)})
    return NumberGrid(coarse, refine_edges(fine, known))


def _halfway(known: Floats) -> list[float]:
    """Quantiles, each moved halfway to the next smaller value that occurs."""
    distinct = np.unique(known)
    at = np.unique(np.quantile(known, np.arange(1, COARSE) / COARSE, method="inverted_cdf"))
    place = np.searchsorted(distinct, at)
    place = place[place > 0]
    return [float(edge) for edge in (distinct[place - 1] + distinct[place]) / 2]


def _margins(known: Floats) -> list[float]:
    """The ends of the reference's range, unless at 0 or 1."""
    low, high = np.clip(known[[0, -1]], CERTAIN, 1 - CERTAIN)
    margins = []
    if low > CERTAIN:
        margins.append(float(_probabilities(np.log(low / (1 - low)) - MARGIN)))
    if high < 1 - CERTAIN:
        margins.append(float(_probabilities(np.log(high / (1 - high)) + MARGIN)))
    return margins


def _equal_weight(known: Floats) -> list[float]:
    """Edges of cells with about equal expected numbers of positives and negatives.

    A value so frequent that several edges fall on it gets its own cell: it is a step of an isotonic
    calibration.
    """
    distinct, rows = np.unique(known, return_counts=True)
    if len(distinct) <= FINE:
        return [float(edge) for edge in distinct]
    positives, negatives = rows * distinct, rows * (1 - distinct)
    weight = sum(
        each / total for each in (positives, negatives) if (total := float(each.sum())) > 0
    )
    reached = np.cumsum(weight) / np.sum(weight)
    place = np.minimum(np.searchsorted(reached, np.arange(1, FINE) / FINE), len(distinct) - 1)
    edges, times = np.unique(distinct[place], return_counts=True)
    own = np.nextafter(edges[times > 1], np.inf)
    return [float(edge) for edge in np.union1d(edges, own)]


def _probabilities(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)
