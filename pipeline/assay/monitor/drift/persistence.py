"""Estimate the serial dependence of nightly distances from the reference's nights in order.

The persistence of a column is the correlation of the squared deviations of consecutive nights
(`assay.monitor.drift.exceedance`). Distances are ranked, and the ranks are mapped to a chi-squared
distribution with one degree of freedom. The autocorrelations at all lags within a window are
averaged, each weighted by its number of pairs in the window: a slow change hardly shows at the
first lag alone. The estimate is the persistence with that expected average. The expectation is
corrected for bias, because subtracting the sample mean lowers autocorrelations (M. Kendall, "Note
on bias in the estimation of autocorrelation", Biometrika 41, 1954).

A single column's estimate is noisy: without any persistence its standard error is ``1 / sqrt(N)``.
So the columns' estimates are shrunk towards their mean: completely, if a chi-squared test at the
level of 95 percent finds them equal, else by the share of their variance that chance explains
(B. Efron and C. Morris, "Data analysis using Stein's estimator and its generalizations", Journal of
the American Statistical Association 70, 1975).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from assay.columns.features import Floats
from assay.columns.grid_builder import Ints

STEPS = np.arange(0.0, 0.96, 0.01)
"""Candidate values. Above the last one, k of n nights carry no more evidence than one night."""
ALIKE = 0.95
"""Confidence level of the chi-squared test that all columns have the same persistence."""
FEWEST = 10
"""With fewer nights persistence cannot be estimated; nights are then taken as independent."""


@lru_cache(maxsize=8)
def persistence(columns: tuple[tuple[float, ...], ...], window: int) -> tuple[float, ...]:
    """The persistence of each column, in [0, 1), from its distances on the reference's nights.

    Parameters
    ----------
    columns
        Distances in the order of the nights.
    window
        How many nights are tested at once.
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
    # A column with constant or too few distances gets the mean of the others.
    middle = float(together.mean())
    return tuple(
        _least(means.get(place, middle), len(values), lags, weights)
        for place, values in enumerate(columns)
    )


def _correlation(distances: Floats, lags: Ints, weights: Floats) -> float:
    """The mean correlation of two nights of one window."""
    from scipy import special

    n = len(distances)
    ranks = (pd.Series(distances).rank().to_numpy() - 0.5) / n
    squares = special.ndtri((1 + ranks) / 2) ** 2
    apart = squares - squares.mean()
    found = np.array([apart[lag:] @ apart[:-lag] for lag in lags]) / (apart @ apart)
    return float(weights @ found)


def _least(found: float, nights: int, lags: Ints, weights: Floats) -> float:
    """The smallest persistence whose expected mean correlation reaches ``found``."""
    true = STEPS[:, None]
    left = true**lags
    bias = (1 + true) / (1 - true) * (1 - left) + 2 * lags * left
    expected = np.maximum.accumulate((left - bias / max(1, nights)) @ weights)
    return float(STEPS[min(int(np.searchsorted(expected, found)), len(STEPS) - 1)])


def _drawn_together(found: Floats, chance: float) -> Floats:
    """Shrink towards the mean, by the share of the variance that ``chance`` explains."""
    from scipy import special

    middle, free = found.mean(), len(found) - 3
    if free <= 0:
        return found  # the James-Stein estimator needs at least four values
    apart = float(((found - middle) ** 2).sum()) / chance
    ours = 1 - free / apart if apart > special.chdtri(len(found) - 1, 1 - ALIKE) else 0.0
    return np.asarray(middle + ours * (found - middle))
