"""The cells that probabilities are counted in: they follow what the reference was given.

Cells of equal width hold next to everything in one cell where events are rare. So the coarse
cells, which tell ordinary nights from others, have equal shares of the reference's rows, and
the fine ones equal shares of its expected positives and negatives together: where a row may
be either, cells are narrow, whatever the base rate.

A model scores nights a little differently from the folds that made the reference, so coarse
edges lie halfway between values that occur, and the reference's range ends a margin beyond
its extremes.
"""

from __future__ import annotations

import numpy as np

from assay.columns.draw_grid import cut
from assay.columns.features import Floats
from assay.columns.grid import SCORE_GRID, NumberGrid

COARSE = 20
"""Cells of equal share that distances are measured in."""

FINE = 100
"""Fine cells of about equal weight."""

MARGIN = 0.25
"""By so much in log odds nights may reach beyond the reference and still be its like."""

CERTAIN = 1e-12
"""Probabilities nearer to 0 or 1 than this are the ends of what there is."""

_ODDS = np.arange(-12.0, 12.5, 0.75)
"""Edges where the reference may have no row: nights that leave it are counted finely too."""


def probability_grid(scores: Floats, threshold: float | None = None) -> NumberGrid:
    """The grid of probabilities like these.

    Beside the cells that no probability falls in, two hold no row of the reference: what lies
    under its range, unless that begins at 0, and what lies over it, unless that ends at 1.

    Parameters
    ----------
    scores
        Of the reference rows, of shape (rows,); NaN where a row has none.
    threshold
        Where decisions change: an edge of a fine cell, so that the rows on either side are
        known exactly.
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
    return NumberGrid(coarse, cut(fine, known))


def _halfway(known: Floats) -> list[float]:
    """Quantiles, each moved to the middle between the value that it is and the one below."""
    distinct = np.unique(known)
    at = np.unique(np.quantile(known, np.arange(1, COARSE) / COARSE, method="inverted_cdf"))
    place = np.searchsorted(distinct, at)
    place = place[place > 0]
    return [float(edge) for edge in (distinct[place - 1] + distinct[place]) / 2]


def _margins(known: Floats) -> list[float]:
    """Where the reference's range ends, unless at 0 or 1."""
    low, high = np.clip(known[[0, -1]], CERTAIN, 1 - CERTAIN)
    found = []
    if low > CERTAIN:
        found.append(float(_probabilities(np.log(low / (1 - low)) - MARGIN)))
    if high < 1 - CERTAIN:
        found.append(float(_probabilities(np.log(high / (1 - high)) + MARGIN)))
    return found


def _equal_weight(known: Floats) -> list[float]:
    """Edges between which positives and negatives are expected in about equal measure.

    A value so frequent that several edges fall on it gets a cell of its own: it is a step of an
    isotonic calibration.
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
