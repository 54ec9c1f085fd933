"""The probability that k of n ordinary nights exceed the j-th largest of N others.

Independent nights: the number of exceedances is beta-binomial with n, j and N + 1 - j, whatever
the distances' distribution (E. Gumbel and H. von Schelling, "The distribution of the number of
exceedances", Annals of Mathematical Statistics 21(2), 1950).

Dependent nights: an unusual night is more often followed by another. A distance is modelled as the
size of a Gaussian deviation on some monotone scale; only ranks are used, so the scale does not
matter. Deviations follow an autoregression of order 1, in which the squares of two consecutive
deviations have the correlation ``persistence``. The share of nights above the reference's j-th
largest then follows the beta distribution of the independent case with the effective sample size
``N (1 - persistence) / (1 + persistence)``. The probability of k of n follows by integration over
the deviations, night by night.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from assay.columns.autocorrelation import own_share
from assay.columns.features import Floats
from assay.columns.grid_builder import Ints

SURELY = 0.5
"""Above this probability there is no alarm, so dependence need not be computed."""
NODES = 24
FAR = 9.0
"""Upper end of the integration, in standard deviations."""
_SHARES = np.geomspace(1e-7, 1.0, 49)
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)


@lru_cache(maxsize=1 << 16)
def exceedance(n: int, k: int, j: int, reference: int, persistence: float = 0.0) -> float:
    """Probability that at least k of n new values exceed the j-th largest of the reference's.

    It is 1 if the reference has fewer than j values.

    Parameters
    ----------
    persistence
        Correlation of the squared deviations of consecutive nights, at least 0 and below 1.
    """
    if j > reference:
        return 1.0
    ways = sum(
        math.comb(j - 1 + beyond, beyond) * math.comb(reference - j + n - beyond, n - beyond)
        for beyond in range(k, n + 1)
    )
    alone = ways / math.comb(reference + n, n)
    if persistence <= 0 or alone > SURELY:
        return alone
    worth = (1 - persistence) / (1 + persistence)
    shares, weights = _beta(j * worth, (reference + 1 - j) * worth)
    chances = np.exp(np.interp(np.log(shares), np.log(_SHARES), _curve(n, k, persistence)))
    return max(alone, float(chances @ weights))


def _beta(a: float, b: float) -> tuple[Floats, Floats]:
    """Nodes and weights of Gaussian quadrature over the beta distribution.

    Gauss-Jacobi quadrature from the recurrence of the polynomials (G. Golub and J. Welsch,
    "Calculation of Gauss quadrature rules", Mathematics of Computation 23, 1969). SciPy's version
    overflows where ``a + b`` is large.
    """
    n = np.arange(NODES, dtype=np.float64)
    whole = a + b - 2 + 2 * n
    middle = np.append((a - b) / (a + b), (a - b) * (a + b - 2) / (whole * (whole + 2))[1:])
    n, whole = n[1:], whole[1:]
    beside = n * (n + a - 1) * (n + b - 1) * (n + a + b - 2) * 4
    beside[1:] /= whole[1:] ** 2 * (whole[1:] ** 2 - 1)
    beside[0] = 4 * a * b / ((a + b) ** 2 * (a + b + 1))  # the general term may be 0 / 0 here
    points, vectors = np.linalg.eigh(
        np.diag(middle) + np.diag(np.sqrt(beside), 1) + np.diag(np.sqrt(beside), -1)
    )
    shares = np.clip((1 + points) / 2, _SHARES[0], _SHARES[-1])
    return shares, np.asarray(vectors[0] ** 2, dtype=np.float64)


@lru_cache(maxsize=512)
def _curve(n: int, k: int, persistence: float) -> Floats:
    """Logarithms of `clustered_probability` at `_SHARES`."""
    return np.log([clustered_probability(n, k, float(share), persistence) for share in _SHARES])


def clustered_probability(n: int, k: int, share: float, persistence: float) -> float:
    """Probability that at least k of n consecutive nights exceed what a share of nights exceeds."""
    from scipy import special

    edge = -float(special.ndtri(share / 2))
    # Quadrature nodes below and above the threshold; each part is integrated separately.
    sizes = np.concatenate([edge * (_POINTS + 1) / 2, edge + (FAR - edge) * (_POINTS + 1) / 2])
    widths = np.concatenate([edge * _WEIGHTS, (FAR - edge) * _WEIGHTS])
    kept = math.sqrt(persistence)
    last, following = kept * sizes[:, None], sizes[None, :]
    # The next deviation may have either sign.
    density = sum(
        np.exp(-0.5 * (following - side * last) ** 2 / (1 - persistence)) for side in (1, -1)
    )
    step = density * widths
    step /= step.sum(axis=1, keepdims=True)
    start = np.exp(-0.5 * sizes**2) * widths
    start /= start.sum()
    # Probability by the number of exceedances so far (row k: k or more) and the last deviation.
    so_far = np.zeros((k + 1, len(sizes)))
    so_far[0] = start
    for night in range(n):
        if night:
            so_far = so_far @ step
        beyond = so_far[:, NODES:].copy()
        so_far[1:, NODES:] = beyond[:-1]
        so_far[0, NODES:] = 0.0
        so_far[k, NODES:] += beyond[k]
    return float(so_far[k].sum())


STEPS = np.arange(0.0, 0.96, 0.01)
"""Candidate values. Above the last one, k of n nights carry no more evidence than one night."""
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
    correlations = {
        place: _correlation(np.asarray(values), lags, weights)
        for place, values in enumerate(columns)
        if len(values) >= max(FEWEST, 2 * window) and len(set(values)) > 1 and window > 1
    }
    if not correlations:
        return (0.0,) * len(columns)
    measured = np.array(list(correlations.values()))
    chance = np.array([(weights**2).sum() / len(columns[place]) for place in correlations])
    middle = float(measured.mean())
    together = middle + own_share(measured, float(chance.mean())) * (measured - middle)
    # A column with constant or too few distances gets the mean of the others.
    means = dict(zip(correlations, together, strict=True))
    return tuple(
        _least(means.get(place, middle), len(values), lags, weights)
        for place, values in enumerate(columns)
    )


def _correlation(distances: Floats, lags: Ints, weights: Floats) -> float:
    """The mean correlation of two nights of one window."""
    from scipy import special

    n = len(distances)
    _, place, ties = np.unique(distances, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - ties / 2)[place] / n
    squares = special.ndtri((1 + ranks) / 2) ** 2
    apart = squares - squares.mean()
    by_lag = np.array([apart[lag:] @ apart[:-lag] for lag in lags]) / (apart @ apart)
    return float(weights @ by_lag)


def _least(correlation: float, nights: int, lags: Ints, weights: Floats) -> float:
    """The smallest persistence whose expected mean correlation reaches ``correlation``."""
    true = STEPS[:, None]
    left = true**lags
    bias = (1 + true) / (1 - true) * (1 - left) + 2 * lags * left
    expected = np.maximum.accumulate((left - bias / max(1, nights)) @ weights)
    return float(STEPS[min(int(np.searchsorted(expected, correlation)), len(STEPS) - 1)])
