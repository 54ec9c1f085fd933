"""Influence functions: how each row moves a metric, and the variance that follows.

A metric is a function of the rows' weights. Its derivatives with respect to the weights say how far
each row moves it (the infinitesimal jackknife: Jaeckel 1972; Efron 1982, The Jackknife, the
Bootstrap and Other Resampling Plans, chapter 6). For functions of means this is the delta method,
for means the paired t. The derivatives of a difference of two metrics on the same rows are the
differences of their derivatives, and their variance is the paired one.

Rows of one unit are dependent, so derivatives are summed by unit (Obuchowski 1997, Biometrics 53,
567-578, for the AUC; Deng, Knoblich and Lu 2018, KDD, for ratios). Each unit pulls the metric
towards itself, so its sum is scaled up according to its share of the rows (CR2: Bell and McCaffrey
2002, Survey Methodology 28, 169-181). Nights follow each other; their variance is widened by their
own autocorrelation, and the degrees of freedom are those of as many nights as they are worth
(`autocorrelated`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from assay.columns import autocorrelation
from assay.metrics.evaluator import Floats
from assay.metrics.sampling_distribution import SamplingDistribution
from assay.metrics.sampling_units import SamplingUnits

LEAST_DEGREES = 1.5
"""Of units that are worth hardly two."""


@dataclass(frozen=True)
class Influence:
    """A metric's derivatives.

    Attributes
    ----------
    rows
        Of shape (n,): n times the derivative with respect to the row's weight. Their mean is 0.
    steps
        For a metric of right and wrong answers: n times the change that one more right answer
        makes, one entry for each share it is made of. Empty for other metrics.
    """

    rows: Floats
    steps: Floats = field(default_factory=lambda: np.zeros(0))

    def subtract(self, other: Influence) -> Influence:
        """The derivatives of this metric minus another on the same rows."""
        steps = np.maximum(np.abs(self.steps), np.abs(other.steps))
        return Influence(self.rows - other.rows, steps)


@dataclass(frozen=True)
class SamplingVariation:
    """The sampling variation of a value between samples with the same number of units.

    Attributes
    ----------
    degrees
        Degrees of freedom of the standard error.
    skew
        Skewness of the value's sampling distribution, estimated from the units.
    doubtful_skew
        The same, shrunk towards 0 by its own noise.
    design_effect
        The variance divided by the variance if rows were independent; None if nothing varies.
    worth
        Number of independent units that would say as much; None if units have no order.
    """

    standard_error: float
    degrees: float
    skew: float
    doubtful_skew: float
    design_effect: float | None
    worth: float | None = None

    def distribution(self, value: float) -> SamplingDistribution:
        """Bounds of a value that can vary in either direction, such as a difference."""
        degrees = None if math.isinf(self.degrees) else self.degrees
        return SamplingDistribution(value, self.standard_error, degrees, self.doubtful_skew)


def sampling_variation(influence: Influence, units: SamplingUnits) -> SamplingVariation:
    """The sampling variation of the metric with these derivatives.

    If two models nearly always agree, the few rows on which they differ are weak evidence of how
    often they differ elsewhere, and no such row would imply "never". So half a row is added on
    either side of each share (Agresti and Min 2005, "Simple improved confidence intervals for
    comparing matched proportions", Statistics in Medicine 24, 729-740).

    The degrees of freedom are 2 / (2 / (W - 1) + kurtosis / G), for G units that are worth W
    independent ones, with the excess kurtosis of their contributions. If a few units make up most
    of a variance, its precision is that of those few.
    """
    n, count = len(influence.rows), units.count
    rows = influence.rows - influence.rows.mean()
    steps = influence.steps
    sums = units.sums(rows) / np.sqrt(1 - units.sizes() / n)
    longer, worth = autocorrelated(sums, units)
    square = float(sums @ sums * longer + steps @ steps)
    if square == 0:
        return SamplingVariation(0.0, float(count - 1), 0.0, 0.0, None)
    parts = sums * longer**0.5 / square**0.5
    squares = np.square(parts)
    cubes = squares * parts
    third, fourth = float(cubes.sum()), float(squares @ squares)
    sixth = float(cubes @ cubes)
    fourth += float(np.sum(steps**4)) / square**2
    return SamplingVariation(
        standard_error=square**0.5 / n,
        degrees=_degrees(fourth, count, worth),
        skew=float(np.clip(third, -1, 1)),
        # The skewness of a sample from a symmetric distribution has the variance ``sixth``. Rows
        # with two heavy tails show a skewness by chance; correcting for it would do harm.
        doubtful_skew=third**3 / (third**2 + sixth) if sixth else 0.0,
        design_effect=square / float((rows @ rows) * n / (n - 1) + steps @ steps),
        worth=worth if units.in_order else None,
    )


def autocorrelated(sums: Floats, units: SamplingUnits) -> tuple[float, float]:
    """How much larger the variance of ``(count,)`` sums is than of independent units; their worth.

    Nights follow each other: a hard week is hard for each of its nights. What they add to a metric
    is modelled as an autoregression of order 1 and noise. The autoregression's coefficient is the
    larger of the sums' own, which noise dilutes, and that of the losses (`SamplingUnits.followed`);
    the correlation of the sums at lag 1 says how much is noise.

    Returns
    -------
    tuple
        The factor, and the number of independent units whose mean is known as well.
    """
    if not units.in_order or units.count < 3:
        return 1.0, float(units.count)
    own = autocorrelation.coefficient(sums)
    step = max(own, units.following)
    mean = autocorrelation.variance_of_mean(units.count, step, own / step if step else 1.0)
    # Around their own mean, units that follow each other vary less than around the true one.
    return mean * (units.count - 1) / (1 - mean), 1 / mean


def _degrees(fourth: float, count: int, worth: float) -> float:
    """Degrees of freedom; ``fourth`` is the sum of fourth powers of the units' contributions."""
    usual = 3 * (count - 1) / (count + 1)
    excess = max(0.0, count * fourth - usual)
    return 2 / (2 / max(worth - 1, LEAST_DEGREES) + excess / count)
