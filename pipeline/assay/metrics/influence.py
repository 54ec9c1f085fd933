"""What each row does to a metric, and what that makes of the metric and of a difference.

A metric is a function of the rows' weights, and its derivatives with respect to them say how
far each row moves it (the infinitesimal jackknife: Jaeckel 1972, Efron 1982, The Jackknife, the
Bootstrap and Other Resampling Plans, chapter 6; for functions of means it is the delta method,
for means themselves the paired t). The difference of two metrics of the same rows is such a
function too: its derivatives are the differences of theirs, and their variance is the paired one.

Rows of a unit hang together, so their derivatives are summed by unit (Obuchowski 1997, Biometrics
53, 567-578, for the AUC; Deng, Knoblich and Lu 2018, KDD, for ratios), and each unit's sum is
raised for its share of the rows, because it pulls the metric towards itself (CR2: Bell and
McCaffrey 2002, Survey Methodology 28, 169-181).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from assay.metrics.bounds import Bounds
from assay.metrics.table import Floats
from assay.metrics.units import Units


@dataclass(frozen=True)
class Influence:
    """A metric's derivatives.

    Attributes
    ----------
    rows
        Of shape (n,): n times the derivative with respect to the row's weight. Their mean is 0.
    steps
        Of a metric of answers that are right or wrong: by how much, times n, one more right
        answer moves it, once for each share that it is made of. Empty for the others.
    """

    rows: Floats
    steps: Floats = field(default_factory=lambda: np.zeros(0))

    def less(self, other: Influence) -> Influence:
        """Of the difference of two metrics of the same rows."""
        steps = np.maximum(np.abs(self.steps), np.abs(other.steps))
        return Influence(self.rows - other.rows, steps)


@dataclass(frozen=True)
class Spread:
    """How a number varies between samples of as many units.

    Attributes
    ----------
    degrees
        Of freedom of the standard error.
    skew
        Of the number's sampling distribution, as the units show it.
    doubtful_skew
        The same drawn to 0 by as much of it as is noise.
    design_effect
        The variance over what it would be if rows were independent; None if nothing varies.
    """

    standard_error: float
    degrees: float
    skew: float
    doubtful_skew: float
    design_effect: float | None

    def bounds(self, value: float) -> Bounds:
        """Of a number that may vary either way, such as a difference."""
        degrees = None if math.isinf(self.degrees) else self.degrees
        return Bounds(value, self.standard_error, degrees, self.doubtful_skew)


def spread(influence: Influence, units: Units) -> Spread:
    """How the metric with these derivatives varies.

    Where two models give nearly always the same answers, the few rows on which they part say
    little about how often they part elsewhere, and none at all would say "never". So half a
    row more is counted on either side of each share (Agresti and Min 2005, "Simple improved
    confidence intervals for comparing matched proportions", Statistics in Medicine 24, 729-740).

    Degrees of freedom are those of the variance of G units whose contributions have as much
    excess kurtosis as these show, 2 / (2 / (G - 1) + kurtosis / G): where a few units make up
    most of a variance, it is known no better than from those few.
    """
    n, count = len(influence.rows), units.count
    rows = influence.rows - influence.rows.mean()
    steps = influence.steps
    sums = units.sums(rows) / np.sqrt(1 - units.sizes() / n)
    square = float(sums @ sums + steps @ steps)
    if square == 0:
        return Spread(0.0, float(count - 1), 0.0, 0.0, None)
    parts = sums / square**0.5
    squares = np.square(parts)
    cubes = squares * parts
    third, fourth = float(cubes.sum()), float(squares @ squares)
    sixth = float(cubes @ cubes)
    fourth += float(np.sum(steps**4)) / square**2
    return Spread(
        standard_error=square**0.5 / n,
        degrees=_degrees(fourth, count),
        skew=float(np.clip(third, -1, 1)),
        # A sample's skewness has the variance ``sixth`` where there is none in truth. Rows with
        # heavy tails to both sides show one all the same; correcting for it would do harm.
        doubtful_skew=third**3 / (third**2 + sixth) if sixth else 0.0,
        design_effect=square / float((rows @ rows) * n / (n - 1) + steps @ steps),
    )


def _degrees(fourth: float, count: int) -> float:
    """Of freedom; ``fourth`` is the sum of the fourth powers of what units contribute to 1."""
    usual = 3 * (count - 1) / (count + 1)
    excess = max(0.0, count * fourth - usual)
    return 2 / (2 / (count - 1) + excess / count)
