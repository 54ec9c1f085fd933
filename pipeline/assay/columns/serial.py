"""How much a night takes after the night before: told from the reference's nights in their order.

Each night's shares of rows differ from the mean of all nights. How these differences of two nights
are correlated, which lie ``lag`` nights apart, is kept for each column when the reference is made
(`correlations`). Unlike distances, differences have a sign: ten nights of a few columns say a lot.

Nights are taken to follow an autoregression of order 1, of which all lags within a window tell the
one number. Differences from the nights' own mean are less correlated than the nights (M. Kendall,
"Note on bias in the estimation of autocorrelation", Biometrika 41, 1954), so what is looked for is
the number under which just so much correlation is to be expected, by the exact covariance of the
differences (`_expected`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from assay.columns.draw_grid import Ints
from assay.columns.features import Floats

LAGS = 30
"""So many lags are kept, as far as a window can reach (`assay.project.params.drift.Budget.of`)."""
STEPS = np.arange(0.0, 0.96, 0.01)
"""What is told apart; with more than the last one k of n nights say no more than one of them."""
ABOVE = 1.645
"""Standard errors by which the estimate is put up: to find it too low costs false alarms."""
UNTOLD = 0.5
"""Of nights of which nobody kept how they follow each other."""


def correlations(by_night: Ints) -> tuple[float, ...]:
    """Correlation of nights 1, 2, ... apart, of a column; nothing where no two nights differ.

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
        # Divided by the pairs that there are, a few of them may come to more than 1.
        max(-1.0, min(1.0, float((apart[lag:] * apart[:-lag]).sum() / (nights - lag) / spread)))
        for lag in range(1, min(LAGS, nights - 1) + 1)
    )


def together(columns: Iterable[tuple[float, ...]], nights: int, window: int) -> float:
    """By how much of its own oddity a night follows the one before, in [0, 1): at most, nearly.

    The mean of all columns', and so many standard errors more as `ABOVE` says. Nights follow each
    other for reasons that columns share, and single columns say too little.

    Parameters
    ----------
    columns
        `correlations` of each.
    nights
        How many the reference has.
    window
        How many nights are asked about at once. Of few nights only near lags are looked at.
    """
    lags = max(1, min(window - 1, nights // 2 - 1, LAGS))
    told = [found[:lags] for found in columns if len(found) >= lags]
    if not told:
        return UNTOLD
    return _together(tuple(told), nights, lags)


@lru_cache(maxsize=32)
def _together(told: tuple[tuple[float, ...], ...], nights: int, lags: int) -> float:
    weights = _weights(lags)
    means = np.array(told) @ weights
    # So much a column's estimate strays by chance alone, if one number moves all its cells.
    alone = math.sqrt(float((weights**2).sum()) / nights)
    apart = float(means.std(ddof=1)) if len(means) > 2 else alone
    at_most = float(means.mean()) + ABOVE * min(apart, alone) / math.sqrt(len(means))
    place = int(np.searchsorted(_expected(nights, lags), at_most))
    return float(STEPS[min(place, len(STEPS) - 1)])


def _weights(lags: int) -> Floats:
    """By how many pairs of a window's nights are so far apart."""
    left = np.arange(lags, 0, -1, dtype=np.float64)
    return np.asarray(left / left.sum())


@lru_cache(maxsize=32)
def _expected(nights: int, lags: int) -> Floats:
    """The weighed correlation to be expected, for each of `STEPS`; it never falls."""
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
def of_mean(nights: int, step: float) -> float:
    """Variance of the mean of so many nights, as a share of one night's."""
    if nights < 1:
        return 1.0
    lags = np.arange(1, nights)
    return float((1 + 2 * ((1 - lags / nights) * step**lags).sum()) / nights)


def further(nights: int, step: float) -> float:
    """How much further new nights lie from the reference than its own nights do, for that alone.

    The reference's nights draw its mean to themselves, the more they take after each other; the
    distances of each from all the others are that much too small. At least 1; 1 but for a hair
    where nights know nothing of each other.
    """
    mean = of_mean(nights, step)
    if nights < 2 or not mean < 1:
        return 1.0
    own = (nights / (nights - 1)) ** 2 * (1 - mean)
    return math.sqrt(max(1.0, (1 + mean) / own))
