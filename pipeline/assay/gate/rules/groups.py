"""Differences and ratios of two disjoint groups, with intervals. Pure.

Each group has a value and an interval over units (`assay.metrics.sampling_units`), and two groups
of the same nights a correlation (`assay.metrics.intervals.pairing`). The interval of a difference
is built from the asymmetric intervals of both groups (Newcombe 1998, Statistics in Medicine 17:873,
method 10, for proportions; Zou and Donner 2008, Statistics in Medicine 27:1693, for any estimate,
with a correlation), and so is that of a ratio (Donner and Zou 2012, Statistical Methods in Medical
Research 21:347). Without a correlation, groups of the same nights have intervals that are too wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class GroupValue:
    """One group: its name, number of rows, value and interval."""

    title: str
    rows: int
    value: float
    low: float
    high: float
    degrees: float | None = None


@dataclass(frozen=True)
class Contrast:
    """The difference or ratio of two groups; ``first`` has the larger value."""

    first: GroupValue
    second: GroupValue
    value: float
    low: float
    high: float
    degrees: float | None = None

    @property
    def title(self) -> str:
        return f"{self.first.title} and {self.second.title}"


def difference(one: GroupValue, other: GroupValue, correlation: float = 0.0) -> Contrast:
    """The larger value minus the smaller; the interval may reach below 0."""
    first, second = _ordered(one, other)
    down = _apart(first.value - first.low, second.high - second.value, correlation)
    up = _apart(first.high - first.value, second.value - second.low, correlation)
    value = first.value - second.value
    return Contrast(first, second, value, value - down, value + up, _degrees(one, other))


def _apart(one: float, other: float, correlation: float) -> float:
    """The reach of a difference, of the reaches of both."""
    return math.sqrt(max(0.0, one * one + other * other - 2 * correlation * one * other))


def ratio(one: GroupValue, other: GroupValue, correlation: float = 0.0) -> Contrast:
    """The smaller value over the larger; the interval may reach above 1.

    Raises
    ------
    ValueError
        A value is not above 0, or an interval reaches below 0, so a ratio is meaningless.
    """
    first, second = _ordered(one, other)
    if second.low < 0 or first.low <= 0 or second.value <= 0:
        raise ValueError(
            f"{second.title} {second.value:.4g} over {first.title} {first.value:.4g} is no ratio"
            " of numbers that are surely above 0"
        )
    value = second.value / first.value
    product = first.value * second.value
    low, high = (
        _end(
            product - correlation * (second.value - end) * (divisor - first.value),
            *(end, second.value, divisor, first.value, sign),
        )
        for end, divisor, sign in ((second.low, first.high, -1), (second.high, first.low, 1))
    )
    return Contrast(first, second, value, min(low, value), max(high, value), _degrees(one, other))


def p_value(
    value: float, near: float, limit: float, confidence: float, degrees: float | None = None
) -> float:
    """One-sided p-value of ``value`` being past ``limit`` if the true value is at the limit.

    The standard error comes from the half of the interval that faces the limit, assuming a t
    distribution. ``near`` is the end of that half. The p-value is below (1 - confidence) / 2
    exactly if ``near`` is past the limit too.

    Parameters
    ----------
    degrees
        Degrees of freedom of the interval; None for a normal distribution.
    """
    certain = (1 - confidence) / 2
    error = abs(value - near) / critical_value(confidence, degrees)
    tail = _below(-abs(value - limit) / error, degrees) if error > 0 else 0.0
    # Rounding must not make the p-value and the interval disagree.
    past = (near - limit) * (value - limit) > 0
    return min(tail, math.nextafter(certain, 0.0)) if past else max(tail, certain)


def critical_value(confidence: float, degrees: float | None = None) -> float:
    """Two-sided quantile of the normal or t distribution for an interval of this confidence."""
    from scipy import special

    share = (1 + confidence) / 2
    return float(special.ndtri(share) if degrees is None else special.stdtrit(degrees, share))


def _below(at: float, degrees: float | None) -> float:
    from scipy import special

    return float(special.ndtr(at) if degrees is None else special.stdtr(degrees, at))


def _degrees(one: GroupValue, other: GroupValue) -> float | None:
    """The smaller degrees of freedom of both groups, which is conservative."""
    known = [each.degrees for each in (one, other) if each.degrees is not None]
    return min(known, default=None)


def _ordered(one: GroupValue, other: GroupValue) -> tuple[GroupValue, GroupValue]:
    return (one, other) if one.value >= other.value else (other, one)


def _end(
    product: float, end: float, value: float, divisor_end: float, divisor: float, sign: int
) -> float:
    """One end of a ratio's interval; 0 if the divisor's end is twice its value or more."""
    scale = divisor_end * (2 * divisor - divisor_end)
    if scale <= 0:
        return 0.0
    inner = product * product - end * (2 * value - end) * scale
    return (product + sign * math.sqrt(max(0.0, inner))) / scale
