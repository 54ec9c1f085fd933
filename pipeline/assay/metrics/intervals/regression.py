"""How the biases and the percentiles of errors of a regression, and of two, vary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.metrics.evaluator import Floats
from assay.metrics.influence import Influence, SamplingVariation, sampling_variation
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.regression import SHARE
from assay.metrics.sampling_units import SamplingUnits


class TooFewRowsError(ValueError):
    """There are too few rows; more would give an interval."""


def bias_variation(
    champion: LabelledScores, challenger: LabelledScores, units: SamplingUnits
) -> SamplingVariation:
    """The variation of the difference of two biases, and of the difference of their sizes.

    With biases on opposite sides of 0, the difference of sizes varies as the sum of both biases.
    The larger of the two standard errors is used for both.
    """
    old, new = (each.evaluator().influences()["bias"] for each in (champion, challenger))
    difference = sampling_variation(new.subtract(old), units)
    if _bias(champion) * _bias(challenger) > 0:
        return difference
    total = sampling_variation(new.subtract(Influence(-old.rows)), units)
    return max(difference, total, key=lambda variation: variation.standard_error)


def error_quantile(
    scored: LabelledScores, units: SamplingUnits, confidence: float
) -> ErrorQuantile:
    """The 90th percentile of the absolute errors with its interval.

    Woodruff's method (1952, "Confidence intervals for medians and other position measures", Journal
    of the American Statistical Association 47, 635-646): the share of errors at or below the
    percentile has an interval as any mean does, and its ends are mapped to quantiles of the errors.

    Raises
    ------
    TooFewRowsError
        There are too few units beyond the percentile.
    """
    from scipy import special

    errors = np.abs(scored.scores - scored.truth)
    at = float(np.quantile(errors, SHARE, method="inverted_cdf"))
    within = (errors <= at).astype(np.float64)
    varies = sampling_variation(Influence(within - within.mean()), units)
    reach = float(special.stdtrit(varies.degrees, (1 + confidence) / 2))
    half = max(reach * varies.standard_error, 1 / len(errors))
    if SHARE + half >= 1:
        raise TooFewRowsError("too few rows lie beyond the 90th percentile")
    ends = (max(0.0, SHARE - half), SHARE + half)
    low, high = np.quantile(errors, ends, method="inverted_cdf").tolist()
    return ErrorQuantile(at, float(low), float(high), reach, within, varies)


@dataclass(frozen=True)
class ErrorQuantile:
    """A percentile of errors with its interval.

    Attributes
    ----------
    reach
        Half width of the interval, in standard errors.
    within
        Which rows lie at or below it, 1 or 0.
    varies
        The sampling variation of their share.
    """

    value: float
    low: float
    high: float
    reach: float
    within: Floats
    varies: SamplingVariation


def quantile_difference(
    champion: LabelledScores, challenger: LabelledScores, units: SamplingUnits, confidence: float
) -> SamplingVariation:
    """The variation of the difference of two 90th percentiles of absolute errors.

    Each percentile's standard error follows from its interval. Their correlation is that of the
    rows beyond each percentile (Bahadur 1966, Annals of Mathematical Statistics 37, 577-580).

    Raises
    ------
    ValueError
        There are too few rows beyond the percentile, or too many errors are equal.
    """
    quantiles = [error_quantile(scored, units, confidence) for scored in (champion, challenger)]
    old, new = ((one.high - one.low) / (2 * one.reach) for one in quantiles)
    variance = old * old + new * new - 2 * _correlation(quantiles, units) * old * new
    if not variance > 0 and quantiles[0].value != quantiles[1].value:
        raise ValueError("too many errors are equal to the 90th percentile")
    varies = quantiles[1].varies
    error = math.sqrt(max(0.0, float(variance)))
    return SamplingVariation(error, varies.degrees, 0.0, 0.0, varies.design_effect, varies.worth)


def _correlation(quantiles: Sequence[ErrorQuantile], units: SamplingUnits) -> float:
    """Correlation by unit of the rows within each percentile; 1 if neither varies."""
    a, b = (units.sums(one.within - one.within.mean()) for one in quantiles)
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else 1.0


def _bias(scored: LabelledScores) -> float:
    return float(np.mean(scored.scores - scored.truth))
