"""Autocorrelation of nights, estimated from the reference's nights in their order.

Each night's shares of rows differ from the mean over all nights. For each column the reference
keeps the correlation of these differences between nights ``lag`` apart (`autocorrelations`). Unlike
distances, differences have a sign, so ten nights of a few columns are enough for an estimate.

Nights are modelled as an autoregression of order 1, whose one coefficient determines the
correlation at all lags of a window. Correlations around the sample mean are biased down (M.
Kendall, "Note on bias in the estimation of autocorrelation", Biometrika 41, 1954). So the estimate
is the coefficient whose expected correlation equals the measured one, by the exact covariance of
the differences (`_expected`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from assay.columns.features import Floats
from assay.columns.grid_builder import Ints

LAGS = 30
"""Lags that are kept, up to the longest window (`assay.project.params.monitoring.Budget.of`)."""
STEPS = np.arange(0.0, 0.96, 0.01)
"""Candidate coefficients. With a larger one, alerts on k of n nights prove no more than on one."""
ABOVE = 1.645
"""Standard errors added to the estimate: an estimate that is too low costs false alarms."""
UNTOLD = 0.5
"""Assumed coefficient if no correlations were kept."""


def autocorrelations(by_night: Ints) -> tuple[float, ...]:
    """Autocorrelation of a column at lags 1, 2, ...; empty if all nights are equal.

    Parameters
    ----------
    by_night
        Counts of shape (nights, cells), nulls among the cells; nights in their order.
    """
    nights, rows = len(by_night), by_night.sum(axis=1, keepdims=True)
    if nights < 3 or not rows.all():
        return ()
    shares = by_night / rows
    middle = shares.mean(axis=0)
    apart = (shares - middle) / np.sqrt(np.where(middle > 0, middle, 1.0))
    spread = float((apart * apart).sum()) / nights
    if not spread > 0:
        return ()
    return tuple(
        # Dividing by the number of pairs can give more than 1 if they are few.
        max(-1.0, min(1.0, float((apart[lag:] * apart[:-lag]).sum() / (nights - lag) / spread)))
        for lag in range(1, min(LAGS, nights - 1) + 1)
    )


def pooled_autocorrelation(columns: Iterable[tuple[float, ...]], nights: int, window: int) -> float:
    """Upper estimate of the autocorrelation coefficient of nights, in [0, 1).

    The mean over all columns plus `ABOVE` standard errors. Columns are pooled because they share
    the causes of autocorrelation, and a single column says too little.

    Parameters
    ----------
    columns
        `autocorrelations` of each.
    nights
        Number of nights of the reference.
    window
        Number of nights that an alert looks at. With few nights only short lags are used.
    """
    lags = max(1, min(window - 1, nights // 2 - 1, LAGS))
    known = [found[:lags] for found in columns if len(found) >= lags]
    if not known:
        return UNTOLD
    return _together(tuple(known), nights, lags)


@lru_cache(maxsize=32)
def _together(known: tuple[tuple[float, ...], ...], nights: int, lags: int) -> float:
    weights = _weights(lags)
    means = np.array(known) @ weights
    # Standard error of one column's estimate if a single factor moves all its cells.
    alone = math.sqrt(float((weights**2).sum()) / nights)
    apart = float(means.std(ddof=1)) if len(means) > 2 else alone
    at_most = float(means.mean()) + ABOVE * min(apart, alone) / math.sqrt(len(means))
    place = int(np.searchsorted(_expected(nights, lags), at_most))
    return float(STEPS[min(place, len(STEPS) - 1)])


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
