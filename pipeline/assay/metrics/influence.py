"""Influence functions: how each row moves a metric, and the variance that follows.

A metric is a function of the rows' weights. Its derivatives with respect to the weights say how far
each row moves it (the infinitesimal jackknife: Jaeckel 1972; Efron 1982, The Jackknife, the
Bootstrap and Other Resampling Plans, chapter 6). For functions of means this is the delta method,
for means the paired t. The derivatives of a difference of two metrics on the same rows are the
differences of their derivatives, and their variance is the paired one.

Rows of one unit are dependent, so derivatives are summed by unit (Obuchowski 1997, Biometrics 53,
567-578, for the AUC; Deng, Knoblich and Lu 2018, KDD, for ratios). Each unit pulls the metric
towards itself, so its sum is scaled up according to its share of the rows (CR2: Bell and McCaffrey
2002, Survey Methodology 28, 169-181). Nights follow each other, which widens their variance
(`assay.metrics.following`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from assay.metrics.evaluator import Floats
from assay.metrics.following import mean_of_nights
from assay.metrics.sampling_units import SamplingUnits


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
    among
        Of a share of rows: the number of rows of which it is a share.
    """

    rows: Floats
    steps: Floats = field(default_factory=lambda: np.zeros(0))
    among: float = math.nan

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
    longer
        How much larger the variance is than if units did not follow each other.
    """

    standard_error: float
    degrees: float
    skew: float
    doubtful_skew: float
    design_effect: float | None
    worth: float | None = None
    longer: float = 1.0

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

    The degrees of freedom are 2 / (2 / D + kurtosis / G), for G units whose variance has D, with
    the excess kurtosis of their contributions. If a few units make up most of a variance, its
    precision is that of those few. Of too few units (`SamplingUnits.few`) they are halved, so that
    only what is hopeless lies outside the interval.
    """
    rows = influence.rows - influence.rows.mean()
    return _variation(
        units.sums(rows), units.noise(rows), float(rows @ rows), influence.steps, units
    )


def share_variation(hits: Floats, units: SamplingUnits) -> SamplingVariation:
    """The sampling variation of the share of rows that are hits, from the hits of each unit.

    Parameters
    ----------
    hits
        ``(count,)``.
    units
        Of counts, each with at least one row.
    """
    sizes = units.sizes()
    n = float(sizes.sum())
    share = float(hits.sum()) / n
    within = n - units.count
    apart = float((hits * (1 - hits / sizes)).sum())
    noise = apart / within * n / units.count if within >= 1 else 0.0
    square = n * share * (1 - share)
    return _variation(hits - share * sizes, noise, square, np.zeros(0), units)


def _variation(
    sums: Floats, noise: float, by_row: float, steps: Floats, units: SamplingUnits
) -> SamplingVariation:
    """Of the derivatives' sums by unit, and the sum of their squares by row."""
    sizes, count = units.sizes(), units.count
    n = float(sizes.sum())
    sums = sums / np.sqrt(1 - sizes / n)
    varies = sums_variation(sums, units, noise)
    square = float(sums @ sums * varies.longer + steps @ steps)
    if square == 0:
        return SamplingVariation(0.0, float(count - 1), 0.0, 0.0, None)
    parts = sums * varies.longer**0.5 / square**0.5
    squares = np.square(parts)
    cubes = squares * parts
    third, fourth = float(cubes.sum()), float(squares @ squares)
    sixth = float(cubes @ cubes)
    fourth += float(np.sum(steps**4)) / square**2
    return SamplingVariation(
        standard_error=square**0.5 / n,
        degrees=_degrees(fourth, count, varies.degrees) / (2 if units.few else 1),
        skew=float(np.clip(third, -1, 1)),
        # The skewness of a sample from a symmetric distribution has the variance ``sixth``. Rows
        # with two heavy tails show a skewness by chance; correcting for it would do harm.
        doubtful_skew=third**3 / (third**2 + sixth) if sixth else 0.0,
        design_effect=square / float(by_row * n / (n - 1) + steps @ steps),
        worth=varies.worth,
        longer=varies.longer,
    )


@dataclass(frozen=True)
class SumsVariation:
    """How much the total of units' sums varies.

    Attributes
    ----------
    longer
        How much larger its variance is than the sum of squares.
    degrees
        Degrees of freedom of that variance.
    worth
        Number of independent units that would say as much; None if units have no order.
    """

    longer: float
    degrees: float
    worth: float | None


def sums_variation(sums: Floats, units: SamplingUnits, noise: float) -> SumsVariation:
    """How much the total of ``(count,)`` sums varies; ``noise`` is a sum's variance by its rows."""
    square = float(sums @ sums)
    if not units.in_order or units.count < 3 or not square > 0:
        return SumsVariation(1.0, float(units.count - 1), None)
    # Sums were raised by the unit's share of all; around their own mean they vary less.
    usual = sums * (1 - 1 / units.count) ** 0.5
    mean = mean_of_nights(usual[None], np.array([noise]), units.following)
    error = float(mean.standard_error[0]) * units.count
    return SumsVariation(error**2 / square, float(mean.degrees[0]), float(mean.worth[0]))


def _degrees(fourth: float, count: int, degrees: float) -> float:
    """Degrees of freedom; ``fourth`` is the sum of fourth powers of the units' contributions."""
    usual = 3 * (count - 1) / (count + 1)
    excess = max(0.0, count * fourth - usual)
    return 2 / (2 / degrees + excess / count)


# ---------------------- A measured value with its sampling distribution, for intervals and p-values
# Student's t with Hall's correction for skewness (Hall 1992, "On the removal of skewness by
# transformation", Journal of the Royal Statistical Society B 54, 221-228). The studentized value
# T of a skewed sample is skewed in the opposite direction. The cubic
#
#     g(T) = T + a T^2 / 3 + a^2 T^3 / 27 + a / 6
#
# removes that skewness to second order. It increases with T and has a closed-form inverse. Here
# ``a`` is the skewness of the value's own distribution: for a mean of n rows, the skewness of the
# rows divided by the root of n. Intervals and p-values use the same g, so they always agree.

_FAR = 1e90
"""Standard errors from which on a share is 0 or 1."""


@dataclass(frozen=True)
class SamplingDistribution:
    """A measured value and its sampling distribution.

    Parameters
    ----------
    standard_error
        0 if nothing varies: the value is then treated as exact.
    degrees
        Degrees of freedom of the standard error; None if it is known exactly.
    skew
        Skewness of the value's sampling distribution, from -1 to 1.

    Raises
    ------
    ValueError
        A field is not finite, the standard error is below 0, or the degrees are not above 0.
    """

    value: float
    standard_error: float
    degrees: float | None = None
    skew: float = 0.0

    def __post_init__(self) -> None:
        degrees = math.inf if self.degrees is None else self.degrees
        if not math.isfinite(self.value):
            raise ValueError(f"value {self.value} is not a finite number")
        if not (math.isfinite(self.standard_error) and self.standard_error >= 0):
            raise ValueError(f"standard error {self.standard_error} is no finite number from 0 on")
        if not (degrees > 0 and math.isfinite(self.skew)):
            raise ValueError(f"degrees {self.degrees} or skew {self.skew} cannot be")

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval at this confidence, as ``(low, high)``."""
        if self.standard_error == 0:
            return self.value, self.value
        reach = self._quantile((1 + confidence) / 2)
        return (
            self.value - self.standard_error * self._straight(reach),
            self.value - self.standard_error * self._straight(-reach),
        )

    def p_below(self, worst: float) -> float:
        """One-sided p-value: the chance of a value as low or lower, were the truth ``worst``."""
        if self.standard_error == 0:
            return 0.0 if self.value < worst else 1.0
        return self._share(self._bent((self.value - worst) / self.standard_error))

    def p_above(self, worst: float) -> float:
        """One-sided p-value: the chance of a value as high or higher, were the truth ``worst``."""
        if self.standard_error == 0:
            return 0.0 if self.value > worst else 1.0
        return self._share(-self._bent((self.value - worst) / self.standard_error))

    def negated(self) -> SamplingDistribution:
        """The same distribution with the sign reversed."""
        return SamplingDistribution(-self.value, self.standard_error, self.degrees, -self.skew)

    def _bent(self, t: float) -> float:
        """Hall's cubic g."""
        # Of a standard error that is hardly above 0, t is infinite; its cube would be none.
        a, t = self.skew, min(max(t, -_FAR), _FAR)
        return t + a / 6 + a * t * t * (1 / 3 + a * t / 27)

    def _straight(self, x: float) -> float:
        """The inverse of g: 1 + a (x - a / 6) is the cube of 1 + a t / 3."""
        a = self.skew
        y = x - a / 6
        if abs(a * y) < 1e-6:
            # Near 1 the cube root loses its significant digits.
            return y * (1 - a * y / 3)
        return 3 * (float(np.cbrt(1 + a * y)) - 1) / a

    def _quantile(self, share: float) -> float:
        from scipy import special

        if self.degrees is None:
            return float(special.ndtri(share))
        return float(special.stdtrit(self.degrees, share))

    def _share(self, x: float) -> float:
        from scipy import special

        if self.degrees is None:
            return float(special.ndtr(x))
        return float(special.stdtr(self.degrees, x))
