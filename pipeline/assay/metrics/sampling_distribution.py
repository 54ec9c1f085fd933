"""A measured value with its sampling distribution, for intervals and p-values.

Student's t with Hall's correction for skewness (Hall 1992, "On the removal of skewness by
transformation", Journal of the Royal Statistical Society B 54, 221-228). The studentized value T of
a skewed sample is skewed in the opposite direction. The cubic

    g(T) = T + a T^2 / 3 + a^2 T^3 / 27 + a / 6

removes that skewness to second order. It increases with T and has a closed-form inverse. Here ``a``
is the skewness of the value's own distribution: for a mean of n rows, the skewness of the rows
divided by the root of n. Intervals and p-values use the same g, so they always agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

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
