"""Intervals as inline SVG strips, and the axes that they share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from assay.metrics.estimate import Estimate, short

BLUE, PALE, GREY, ORANGE = "#1f6fb2", "#a9cdea", "#8a96a3", "#d98032"
LINE, INK = "#dde3e8", "#5b6773"

STRIP_WIDTH, STRIP_HEIGHT, PAD = 340, 22, 16


def strip(estimate: Estimate | None, low: float, high: float, mark: float | None = None) -> str:
    """One interval as a bar with a dot at its value, on an axis from ``low`` to ``high``.

    ``mark`` draws a dashed line, for the value over all rows. Without a value the strip is
    its axis alone.
    """

    def x(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(PAD + share * (STRIP_WIDTH - 2 * PAD), 1)

    middle = STRIP_HEIGHT / 2
    parts = [line(PAD, middle, STRIP_WIDTH - PAD, middle, LINE)]
    parts += [line(x(tick), middle - 4, x(tick), middle + 4, LINE) for tick in ticks(low, high)]
    if mark is not None:
        parts.append(line(x(mark), 1, x(mark), STRIP_HEIGHT - 1, GREY, "stroke-dasharray='3 2'"))
    label = "no value"
    if estimate is not None and estimate.value is not None:
        label = short(estimate.value)
        if estimate.low is not None and estimate.high is not None:
            left, right = x(estimate.low), x(estimate.high)
            label += f", interval {short(estimate.low)} to {short(estimate.high)}"
            parts.append(
                f"<rect x='{left}' y='{middle - 6}' width='{max(right - left, 2):.1f}' height='12'"
                f" rx='2' fill='{PALE}'/>"
            )
        parts.append(f"<circle cx='{x(estimate.value)}' cy='{middle}' r='3.2' fill='{BLUE}'/>")
    return svg(STRIP_WIDTH, STRIP_HEIGHT, label, parts, fixed=True)


def axis(low: float, high: float) -> str:
    """The numbers below a column of strips."""
    span = STRIP_WIDTH - 2 * PAD
    parts = []
    for tick in ticks(low, high):
        x = PAD + (tick - low) / (high - low) * span
        parts.append(f"<text x='{x:.1f}' y='11' text-anchor='middle'>{tick:g}</text>")
    return svg(STRIP_WIDTH, 16, f"axis from {low:g} to {high:g}", parts, fixed=True)


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


def ticks(low: float, high: float) -> list[float]:
    """Up to eight round numbers from ``low`` to ``high``, multiples of one step."""
    step = _step(high - low)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [_times(index, step) for index in range(first, last + 1)]


def _step(span: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is a seventh of the span or more."""
    power = math.floor(math.log10(span / 7))
    sizes = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    return next(size for size in sizes if span <= 7 * size * (1 + 1e-9))


def _times(index: int, step: float) -> float:
    # Through text, so that three times 0.1 is 0.3.
    return float(f"{index * step:.12g}")


def line(a: float, b: float, c: float, d: float, colour: str, more: str = "") -> str:
    return f"<line x1='{a}' y1='{b}' x2='{c}' y2='{d}' stroke='{colour}' {more}/>"


def svg(width: int, height: int, label: str, parts: list[str], fixed: bool = False) -> str:
    size = f" width='{width}' height='{height}'" if fixed else ""
    return (
        f"<svg viewBox='0 0 {width} {height}'{size} role='img' aria-label='{escape(label)}'>"
        f"{''.join(parts)}</svg>"
    )
