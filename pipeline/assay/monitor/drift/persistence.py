"""How much odd nights follow odd nights, told from the reference's nights in their order.

Wanted is, for each column, the correlation of the squares of successive nights' deviations
(`assay.monitor.drift.exceedance`). Ranks of distances are read as ranks of squared deviations,
whose distribution is chi-squared with one degree of freedom. Correlations at all lags within a
window are weighed by how many pairs of its nights are so far apart, and a column has the
persistence of which the same weighed mean is to be expected: slow changes hide from the first lag
alone. To be expected is less than the persistence itself, as the nights' own mean is taken off (M.
Kendall, "Note on bias in the estimation of autocorrelation", Biometrika 41, 1954).

One column's nights say little of it: without any persistence the estimate still strays by
``1 / sqrt(N)``. So the columns' estimates are drawn together: wholly, if they are no further apart
than chance makes them nineteen times in twenty, else by the share of their variance that chance
makes (B. Efron and C. Morris, "Data analysis using Stein's estimator and its generalizations",
Journal of the American Statistical Association 70, 1975).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special, stats

from assay.columns.draw_grid import Ints
from assay.columns.features import Floats

STEPS = np.arange(0.0, 0.96, 0.01)
"""What is told apart; with more than the last one k of n nights say no more than one of them."""
ALIKE = 0.95
"""Columns are alike if by chance alone they are no further apart with this probability."""
FEWEST = 10
"""Of fewer nights nothing can be told, and they are taken to be independent."""


@lru_cache(maxsize=8)
def persistence(columns: tuple[tuple[float, ...], ...], window: int) -> tuple[float, ...]:
    """The persistence of each column, in [0, 1), from its ordinary distances.

    Parameters
    ----------
    columns
        Distances in the order of their nights.
    window
        How many nights are asked about at once.
    """
    lags = np.arange(1, window)
    weights = (window - lags) / max(1, (window - lags).sum())
    told = {
        place: _correlation(np.asarray(values), lags, weights)
        for place, values in enumerate(columns)
        if len(values) >= max(FEWEST, 2 * window) and len(set(values)) > 1 and window > 1
    }
    if not told:
        return (0.0,) * len(columns)
    found = np.array(list(told.values()))
    chance = np.array([(weights**2).sum() / len(columns[place]) for place in told])
    together = _drawn_together(found, float(chance.mean()))
    means = dict(zip(told, together, strict=True))
    # Of a column whose nights are all alike nothing is known but the others.
    middle = float(together.mean())
    return tuple(
        _least(means.get(place, middle), len(values), lags, weights)
        for place, values in enumerate(columns)
    )


def _correlation(distances: Floats, lags: Ints, weights: Floats) -> float:
    """Mean correlation of two nights of one window."""
    n = len(distances)
    ranks = (stats.rankdata(distances) - 0.5) / n
    squares = special.ndtri((1 + ranks) / 2) ** 2
    apart = squares - squares.mean()
    found = np.array([apart[lag:] @ apart[:-lag] for lag in lags]) / (apart @ apart)
    return float(weights @ found)


def _least(found: float, nights: int, lags: Ints, weights: Floats) -> float:
    """The least persistence of which so much correlation is to be expected."""
    true = STEPS[:, None]
    left = true**lags
    bias = (1 + true) / (1 - true) * (1 - left) + 2 * lags * left
    expected = np.maximum.accumulate((left - bias / max(1, nights)) @ weights)
    return float(STEPS[min(int(np.searchsorted(expected, found)), len(STEPS) - 1)])


def _drawn_together(found: Floats, chance: float) -> Floats:
    """Nearer to their mean, the more of their variance ``chance`` makes."""
    middle, free = found.mean(), len(found) - 3
    if free <= 0:
        return found  # too few to tell what chance makes
    apart = float(((found - middle) ** 2).sum()) / chance
    ours = 1 - free / apart if apart > stats.chi2.ppf(ALIKE, len(found) - 1) else 0.0
    return np.asarray(middle + ours * (found - middle))
