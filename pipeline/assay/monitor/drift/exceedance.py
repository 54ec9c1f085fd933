"""How likely k of n ordinary nights lie beyond the j-th furthest of N others.

Nights that know nothing of each other: the number beyond it is beta-binomial with n, j and
N + 1 - j, whatever the distances' distribution (E. Gumbel and H. von Schelling, "The distribution
of the number of exceedances", Annals of Mathematical Statistics 21(2), 1950).

Nights that hang together: an odd night is likelier followed by another. A distance is taken to be
the size of a deviation which is Gaussian after a change of scale, and of which each night keeps a
part of the night before (an autoregression of order 1), such that the squares of two successive
ones have the correlation ``persistence``. Of distances only ranks are used, so that their own
scale is no matter. The share of nights beyond the reference's j-th is then a number from the beta
distribution of before, but of as many nights as the N are worth, ``N (1 - persistence) /
(1 + persistence)``; k of n follow by integration over the deviations, night by night.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from assay.columns.features import Floats

SURELY = 0.5
"""A probability so large that nobody will call it an alarm, however nights hang together."""
NODES = 24
FAR = 9.0
"""In standard deviations; beyond it there is nothing."""
_SHARES = np.geomspace(1e-7, 1.0, 49)
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)


@lru_cache(maxsize=1 << 16)
def exceedance(n: int, k: int, j: int, reference: int, persistence: float = 0.0) -> float:
    """Probability that k or more of n new values are beyond the j-th largest of the reference's.

    1 if the reference has no j-th.

    Parameters
    ----------
    persistence
        Correlation of the squares of successive nights' deviations, at least 0 and under 1.
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
    found = np.exp(np.interp(np.log(shares), np.log(_SHARES), _curve(n, k, persistence)))
    return max(alone, float(found @ weights))


def _beta(a: float, b: float) -> tuple[Floats, Floats]:
    """Nodes and weights that integrate polynomials over the beta distribution exactly.

    Gauss's rule for Jacobi's weight, from its recurrence (G. Golub and J. Welsch, "Calculation of
    Gauss quadrature rules", Mathematics of Computation 23, 1969); the usual one overflows where
    ``a + b`` is large.
    """
    n = np.arange(NODES, dtype=np.float64)
    whole = a + b - 2 + 2 * n
    middle = np.append((a - b) / (a + b), (a - b) * (a + b - 2) / (whole * (whole + 2))[1:])
    n, whole = n[1:], whole[1:]
    beside = n * (n + a - 1) * (n + b - 1) * (n + a + b - 2) * 4
    beside[1:] /= whole[1:] ** 2 * (whole[1:] ** 2 - 1)
    beside[0] = 4 * a * b / ((a + b) ** 2 * (a + b + 1))  # where both may be nothing
    points, vectors = np.linalg.eigh(
        np.diag(middle) + np.diag(np.sqrt(beside), 1) + np.diag(np.sqrt(beside), -1)
    )
    shares = np.clip((1 + points) / 2, _SHARES[0], _SHARES[-1])
    return shares, np.asarray(vectors[0] ** 2, dtype=np.float64)


@lru_cache(maxsize=512)
def _curve(n: int, k: int, persistence: float) -> Floats:
    """Logarithms of `clustered` at `_SHARES`."""
    return np.log([clustered(n, k, float(share), persistence) for share in _SHARES])


def clustered(n: int, k: int, share: float, persistence: float) -> float:
    """Probability that k or more of n successive nights are beyond what a share of nights is."""
    edge = -float(special.ndtri(share / 2))
    # Sizes of deviations, under the edge and beyond it; each part is integrated on its own.
    sizes = np.concatenate([edge * (_POINTS + 1) / 2, edge + (FAR - edge) * (_POINTS + 1) / 2])
    widths = np.concatenate([edge * _WEIGHTS, (FAR - edge) * _WEIGHTS])
    kept = math.sqrt(persistence)
    last, following = kept * sizes[:, None], sizes[None, :]
    # The following deviation may be on either side of zero.
    density = sum(
        np.exp(-0.5 * (following - side * last) ** 2 / (1 - persistence)) for side in (1, -1)
    )
    step = density * widths
    step /= step.sum(axis=1, keepdims=True)
    start = np.exp(-0.5 * sizes**2) * widths
    start /= start.sum()
    # Probability by how many nights were beyond so far (k: or more), and where the last one was.
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
