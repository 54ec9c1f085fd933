"""Ends and ticks of an axis: round numbers that hold all that is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from assay.metrics.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places in a picture; what lies beyond an end is drawn at that end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> tuple[float, ...]:
        return ticks(self.low, self.high)


def bounds(
    estimates: Sequence[Estimate], *, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float]:
    """An axis that ends on round numbers and holds every interval, within two limits."""
    found = [
        number
        for one in estimates
        for number in (one.low, one.value, one.high)
        if number is not None
    ]
    if not found:
        return 0.0, 1.0
    return round_out(min(found), max(found), least=least, most=most)


def round_out(
    low: float, high: float, *, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float]:
    """Round numbers a little outside of ``low`` and ``high``."""
    # A single value has no span of its own; a tenth of it, or of 1, is room to draw in.
    room = (high - low) * 0.05 or abs(high) * 0.1 or 0.1
    low, high = max(low - room, least), min(high + room, most)
    step = _step(high - low)
    return _times(math.floor(low / step), step), _times(math.ceil(high / step), step)


@lru_cache(maxsize=64)
def ticks(low: float, high: float) -> tuple[float, ...]:
    """Up to eight round numbers from ``low`` to ``high``, multiples of one step."""
    step = _step(high - low)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return tuple(_times(index, step) for index in range(first, last + 1))


def _step(span: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is a seventh of the span or more."""
    power = math.floor(math.log10(span / 7))
    sizes = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    return next(size for size in sizes if span <= 7 * size * (1 + 1e-9))


def _times(index: int, step: float) -> float:
    # Through text, so that three times 0.1 is 0.3.
    return float(f"{index * step:.12g}")
