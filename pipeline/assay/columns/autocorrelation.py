"""Autocorrelation of nights, estimated from the reference's nights in their order.

Each night's shares of rows differ from the mean over all nights. What a column's nights differ in
most is their **level**: the first principal component of these differences, in units of what
sampling adds to each cell (`night_level`). Distances are sums of squares, which the level rules.
Over all cells the correlation would be diluted by the sampling of the rows, which is new each
night. Unlike distances, levels have a sign, so ten nights are enough for an estimate.

Nights are modelled as an autoregression of order 1, whose one coefficient determines the
correlation at all lags. Correlations around the sample mean are biased down (M. Kendall, "Note on
bias in the estimation of autocorrelation", Biometrika 41, 1954). So the estimate is the coefficient
whose expected correlation equals the measured one, by the exact covariance of the differences
(`_expected`).

Columns share the causes of autocorrelation, and a single column says too little. So each column's
correlation is drawn to the mean over all columns, all the way unless they differ by more than
chance (`own_share`). Columns of one weather are one observation, not many: the error of the mean is
that of the effective number of independent columns (`_independent`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from assay.columns.features import Floats
from assay.columns.grid_builder import Ints

LAGS = 2
"""Longer ones add less than noise: ten nights have few pairs of them."""
STEPS = np.arange(0.0, 0.96, 0.01)
"""Candidate coefficients. With a larger one, alerts on k of n nights prove no more than on one."""
ABOVE = 1.645
"""Standard errors added to the estimate, at most: one that is too low costs false alarms."""
UNTOLD = 0.5
"""Assumed coefficient if none could be estimated."""
ALIKE = 0.95
"""Confidence level of the chi-squared test that all columns are equally autocorrelated."""


def night_level(by_night: Ints) -> Floats:
    """Each night's level, of shape (nights,), with a mean square of 1; empty if nights are equal.

    The sign means nothing.

    Parameters
    ----------
    by_night
        Counts of shape (nights, cells), nulls among the cells; nights in their order.
    """
    nights, rows = len(by_night), by_night.sum(axis=1, keepdims=True)
    if nights < 3 or not rows.all():
        return np.zeros(0)
    shares = by_night / rows
    middle = shares.mean(axis=0)
    apart = (shares - middle) / np.sqrt(np.where(middle > 0, middle, 1.0))
    levels, sizes, _ = np.linalg.svd(apart, full_matrices=False)
    if not sizes[0] > nights * np.finfo(np.float64).eps:
        return np.zeros(0)
    return np.asarray(levels[:, 0] * math.sqrt(nights))


def upper_coefficients(levels: Mapping[str, Floats]) -> dict[str, float]:
    """Upper estimate of each column's autocorrelation coefficient, in [0, 1).

    The largest under which a correlation would not lie `ABOVE` standard errors below the expected,
    or as many as it lies above that of independent nights, if that is fewer: where nights look
    independent, more would cost power. A column whose nights are equal has that of the mean. Empty
    if all columns' are.

    Parameters
    ----------
    levels
        `night_level` of each column, all of the same nights.
    """
    known = {name: level for name, level in levels.items() if len(level)}
    if not known:
        return {}
    series = np.array(list(known.values()))
    nights = series.shape[1]
    lags = max(1, min(LAGS, nights // 2 - 1))
    weights = _weights(lags)
    found = sum(
        # Dividing by the number of pairs can give more than 1 if they are few.
        weight * np.clip((series[:, lag:] * series[:, :-lag]).sum(axis=1) / (nights - lag), -1, 1)
        for lag, weight in enumerate(weights, start=1)
    )
    middle, expected = float(found.mean()), _expected(nights, lags)
    alone = _deviation(lags) / math.sqrt(nights)
    likely = min(int(np.searchsorted(expected, middle)), len(STEPS) - 1)
    own = own_share(found, float(alone[likely]) ** 2)
    error = alone * math.sqrt(own**2 + (1 - own**2) / _independent(series))
    shrunk = dict(zip(known, (middle + own * (found - middle)).tolist(), strict=True))

    def upper(at: float) -> float:
        above = min(ABOVE, max(0.0, (at - float(expected[0])) / float(error[0])))
        least = np.maximum.accumulate(expected - above * error)
        return round(float(STEPS[min(int(np.searchsorted(least, at)), len(STEPS) - 1)]), 2)

    return {name: upper(shrunk.get(name, middle)) for name in levels}


def own_share(found: Floats, chance: float) -> float:
    """How much of its distance from the mean each column's estimate keeps, in [0, 1].

    None if the estimates differ by no more than chance, else James and Stein's share ("Estimation
    with quadratic loss", Berkeley Symposium 1, 1961), which takes at least four of them.

    Parameters
    ----------
    chance
        Variance of one estimate.
    """
    from scipy import special

    free = len(found) - 3
    if free <= 0:
        return 1.0
    apart = float(((found - found.mean()) ** 2).sum()) / chance
    return 1 - free / apart if apart > special.chdtri(len(found) - 1, 1 - ALIKE) else 0.0


def _independent(series: Floats) -> float:
    """The number of independent columns whose mean autocorrelation is known as well.

    Correlations of two series whose values are correlated by r are correlated by r squared, so it
    is the squared number of columns over the sum of all r squared, less what chance adds to it.
    """
    columns, nights = series.shape
    alike = series @ series.T / nights
    squares = float((alike**2).sum()) - columns * (columns - 1) / (nights - 1)
    return float(columns**2 / max(squares, columns))


def _weights(lags: int) -> Floats:
    """Weight of each lag: the number of pairs in a window that are so far apart."""
    left = np.arange(lags, 0, -1, dtype=np.float64)
    return np.asarray(left / left.sum())


@lru_cache(maxsize=32)
def _expected(nights: int, lags: int) -> Floats:
    """The weighted correlation to expect for each of `STEPS`; it never decreases."""
    apart = np.abs(np.subtract.outer(np.arange(nights), np.arange(nights)))
    weights, found = _weights(lags), []
    for step in STEPS:
        true = step**apart
        centred = true - true.mean(axis=0) - true.mean(axis=1)[:, None] + true.mean()
        spread = float(np.trace(centred)) / nights
        each = [np.trace(centred, lag) / (nights - lag) / spread for lag in range(1, lags + 1)]
        found.append(float(weights @ np.array(each)))
    return np.maximum.accumulate(found)


@lru_cache(maxsize=8)
def _deviation(lags: int) -> Floats:
    """Standard deviation of the weighted correlation for each of `STEPS`, times the root of nights.

    By M. Bartlett, "On the theoretical specification and sampling properties of autocorrelated
    time-series", Journal of the Royal Statistical Society Supplement 8, 1946.
    """
    lag, far = np.arange(1, lags + 1)[:, None], np.arange(1, 400)
    weights = _weights(lags)
    terms = [
        weights @ (step ** (far + lag) + step ** np.abs(far - lag) - 2 * step**far * step**lag)
        for step in STEPS
    ]
    return np.asarray(np.sqrt(np.square(terms).sum(axis=1)))


@lru_cache(maxsize=256)
def variance_of_mean(nights: int, step: float) -> float:
    """Variance of the mean of so many nights, as a share of one night's."""
    if nights < 1:
        return 1.0
    lags = np.arange(1, nights)
    return float((1 + 2 * ((1 - lags / nights) * step**lags).sum()) / nights)


def distance_inflation(nights: int, step: float) -> float:
    """Factor by which new nights lie further from the reference than its own nights do.

    The reference's mean is drawn to its own nights, the more so the more they are autocorrelated,
    so their distances from the others are too small. At least 1, and almost exactly 1 without
    autocorrelation.
    """
    mean = variance_of_mean(nights, step)
    if nights < 2 or not mean < 1:
        return 1.0
    own = (nights / (nights - 1)) ** 2 * (1 - mean)
    return math.sqrt(max(1.0, (1 + mean) / own))
