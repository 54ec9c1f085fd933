"""The influence of each row on the metrics of a regression, and quantiles of its errors."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import special

from pipeline.metrics.regression import SHARE
from pipeline.metrics.scored import Scored
from pipeline.metrics.table import Floats
from pipeline.paired.bounds import Bounds
from pipeline.paired.influence import Influence, bounds


def influences(scored: Scored) -> Mapping[str, Influence]:
    """By name; not a number where the metric has no value or no derivative.

    Without the 90th percentile of the errors, which has no derivative.
    """
    error = scored.scores - scored.truth
    square, size = np.square(error), np.abs(error)
    spread = np.square(scored.truth - scored.truth.mean())
    mean, variance = square.mean(), spread.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "rmse": Influence((square - mean) / (2 * np.sqrt(mean))),
            "mae": Influence(size - size.mean()),
            "bias": Influence(error - error.mean()),
            "r2": Influence((mean * spread / variance - square) / variance),
        }


def bias(champion: Scored, challenger: Scored) -> Bounds:
    """Of the difference of two biases, fit for that of their distances from 0 as well.

    On either side of 0 the latter varies as the sum of both biases does. The larger standard
    error of the two serves both.
    """
    old, new = influences(champion)["bias"], influences(challenger)["bias"]
    before, after = _bias(champion), _bias(challenger)
    difference = bounds(after - before, old, new)
    if before * after > 0:
        return difference
    total = bounds(after - before, Influence(-old.rows), new)
    return max(difference, total, key=lambda found: found.standard_error)


def quantile(value: float, champion: Scored, challenger: Scored, confidence: float) -> Bounds:
    """Of the difference of two 90th percentiles of absolute errors.

    Woodruff's standard errors (1952, "Confidence intervals for medians and other position
    measures", Journal of the American Statistical Association 47, 635-646): a quantile lies
    between two that surround it, ranks that are sure to do so with the given confidence. The
    two models' vary together as their rows beyond the quantile do (Bahadur 1966, Annals of
    Mathematical Statistics 37, 577-580).

    Raises
    ------
    ValueError
        There are too few rows beyond the percentile, or too many errors are equal.
    """
    n = len(champion)
    reach = special.ndtri((1 + confidence) / 2)
    half = float(reach) * math.sqrt(SHARE * (1 - SHARE) / n)
    if SHARE + half >= 1:
        raise ValueError("too few rows lie beyond the 90th percentile")
    errors = [np.abs(scored.scores - scored.truth) for scored in (champion, challenger)]
    points = (SHARE - half, SHARE, SHARE + half)
    found = [np.quantile(error, points, method="inverted_cdf") for error in errors]
    old, new = ((high - low) / (2 * float(reach)) for low, _, high in found)
    within = [error <= at[1] for error, at in zip(errors, found, strict=True)]
    variance = old * old + new * new - 2 * _correlation(*within) * old * new
    if not variance > 0 and not np.array_equal(*errors):
        raise ValueError("too many errors are equal to the 90th percentile")
    return Bounds(value, math.sqrt(max(0.0, float(variance))), float(n - 1))


def _correlation(left: Floats, right: Floats) -> float:
    """Of two rows of booleans; not a number if only one of them is constant."""
    if np.array_equal(left, right):
        return 1.0
    a, b = left - left.mean(), right - right.mean()
    with np.errstate(invalid="ignore"):
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _bias(scored: Scored) -> float:
    return float(np.mean(scored.scores - scored.truth))
