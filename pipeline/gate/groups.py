"""Differences and ratios of two groups that share no row, with intervals. Pure.

Each group comes with a value and an interval of its own. The interval of a difference keeps
both intervals' unequal halves (Newcombe 1998, Statistics in Medicine 17:873, method 10, for
proportions; Zou and Donner 2008, Statistics in Medicine 27:1693, for any estimate), and so
does that of a ratio (Donner and Zou 2012, Statistics in Medicine 31:4048). A share's own
interval is Wilson's (1927, JASA 22:209), which is right also near 0 and 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Group:
    """The rows of one group: its name, how many, a value and its interval."""

    title: str
    rows: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Contrast:
    """Two groups held against each other: ``first`` is the one with the larger value."""

    first: Group
    second: Group
    value: float
    low: float
    high: float

    @property
    def title(self) -> str:
        return f"{self.first.title} and {self.second.title}"


def share(title: str, hits: int, rows: int, confidence: float) -> Group:
    """A share of rows with Wilson's interval."""
    z = quantile(confidence)
    p = hits / rows
    middle = (p + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * math.sqrt(p * (1 - p) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return Group(title, rows, p, max(0.0, min(middle - half, p)), min(1.0, max(middle + half, p)))


def difference(one: Group, other: Group) -> Contrast:
    """How much larger the larger value is; the interval may reach below 0."""
    first, second = _ordered(one, other)
    down = math.hypot(first.value - first.low, second.high - second.value)
    up = math.hypot(first.high - first.value, second.value - second.low)
    value = first.value - second.value
    return Contrast(first, second, value, value - down, value + up)


def ratio(one: Group, other: Group) -> Contrast:
    """The smaller value over the larger; the interval may reach above 1.

    Raises
    ------
    ValueError
        A value is not above 0, or an interval reaches below it: a ratio says nothing there.
    """
    first, second = _ordered(one, other)
    if second.low < 0 or first.low <= 0 or second.value <= 0:
        raise ValueError(
            f"{second.title} {second.value:.4g} over {first.title} {first.value:.4g} is no ratio"
            " of numbers that are surely above 0"
        )
    value = second.value / first.value
    product = first.value * second.value
    low = _end(product, second.low, second.value, first.high, first.value, -1)
    high = _end(product, second.high, second.value, first.low, first.value, 1)
    return Contrast(first, second, value, min(low, value), max(high, value))


def chance(value: float, near: float, limit: float, confidence: float) -> float:
    """How likely a value this far past ``limit`` is if the truth lies on it.

    From the half of the interval that faces the limit, taken as normal. ``near`` is the end of
    that half; the result is below (1 - confidence) / 2 just when that end is past the limit too.
    """
    certain = (1 - confidence) / 2
    error = abs(value - near) / quantile(confidence)
    found = NormalDist().cdf(-abs(value - limit) / error) if error > 0 else 0.0
    # Rounding must not let the chance and the interval disagree.
    past = (near - limit) * (value - limit) > 0
    return min(found, math.nextafter(certain, 0.0)) if past else max(found, certain)


def quantile(confidence: float) -> float:
    """Of the normal distribution, for an interval of this confidence."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _ordered(one: Group, other: Group) -> tuple[Group, Group]:
    return (one, other) if one.value >= other.value else (other, one)


def _end(
    product: float, end: float, value: float, divisor_end: float, divisor: float, sign: int
) -> float:
    """One end of a ratio's interval; 0 where the divisor may be twice its value or more."""
    scale = divisor_end * (2 * divisor - divisor_end)
    if scale <= 0:
        return 0.0
    inner = product * product - end * (2 * value - end) * scale
    return (product + sign * math.sqrt(max(0.0, inner))) / scale
