"""Upper quantiles of known distributions, without SciPy, which scoring does not load."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

_NEARLY_NORMAL = 500
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(96)


def poisson_quantile(mean: float, at_most: float) -> float:
    """The smallest count that a Poisson variable exceeds with a chance of at most ``at_most``."""
    if mean > _NEARLY_NORMAL:
        far = NormalDist().inv_cdf(1 - at_most)
        return math.ceil(mean + far * math.sqrt(mean) + far * far / 6)
    count, chance = 0, math.exp(-mean)
    beyond = 1 - chance
    while beyond > at_most and chance > 0:
        count += 1
        chance *= mean / count
        beyond -= chance
    return count


@lru_cache(maxsize=1024)
def chi_squared_quantile(at_most: float, freedom: int) -> float:
    """Upper quantile of chi-squared at level ``at_most`` (Wilson and Hilferty 1931)."""
    part, far = 2 / (9 * freedom), NormalDist().inv_cdf(1 - at_most)
    return float(freedom * (1 - part + far * math.sqrt(part)) ** 3)


@lru_cache(maxsize=1024)
def student_t_quantile(at_most: float, freedom: float) -> float:
    """Upper quantile of Student's t at level ``at_most``.

    With ``t = sqrt(freedom) / tan(angle)`` the
    probability is the integral of ``sin(angle) ** (freedom - 1)``, which is inverted by bisection.
    """
    whole = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2)) * math.sqrt(math.pi)

    def chance(angle: float) -> float:
        sines = np.log(np.sin(angle * (_POINTS + 1) / 2))
        return float(np.exp((freedom - 1) * sines) @ _WEIGHTS) * angle / 2 / whole

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) < at_most else (low, middle)
    return math.sqrt(freedom) / math.tan(high)
