"""Axis ends and ticks: round numbers around the plotted values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from assay.metrics.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from values to positions in a chart; values outside its ends are clipped."""

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


def axis_limits(
    estimates: Sequence[Estimate], *, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float]:
    """Round axis ends that contain every interval, within two limits."""
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
    """Round numbers slightly outside ``low`` and ``high``, and never on the other side of 0.

    Where no value is negative, an axis from below 0 would show prices or counts that cannot be.
    """
    if low >= 0:
        least = max(least, 0.0)
    elif high <= 0:
        most = min(most, 0.0)
    # A single value has no span, so a tenth of it, or of 1, is used as margin.
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
    """The smallest 1, 2 or 5 times a power of ten that is at least a seventh of the span."""
    power = math.floor(math.log10(span / 7))
    sizes = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    return next(size for size in sizes if span <= 7 * size * (1 + 1e-9))


def _times(index: int, step: float) -> float:
    # Rounded through text, so that 3 * 0.1 gives 0.3.
    return float(f"{index * step:.12g}")
