"""The page's pictures as inline SVG: intervals, calibration and scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from pipeline.evaluate.results import Estimate

BLUE, PALE, GREY, ORANGE = "#1f6fb2", "#a9cdea", "#8a96a3", "#d98032"
LINE, INK = "#dde3e8", "#5b6773"

Scale = Callable[[float], float]

STRIP_WIDTH, STRIP_HEIGHT, PAD = 340, 22, 8


def strip(estimate: Estimate | None, low: float, high: float, mark: float | None = None) -> str:
    """One interval as a bar with a dot at its value, on an axis from ``low`` to ``high``.

    ``mark`` draws a dashed line, for the value over all rows. Without a value the strip is
    its axis alone.
    """

    def x(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(PAD + share * (STRIP_WIDTH - 2 * PAD), 1)

    middle = STRIP_HEIGHT / 2
    parts = [_line(PAD, middle, STRIP_WIDTH - PAD, middle, LINE)]
    parts += [_line(x(tick), middle - 4, x(tick), middle + 4, LINE) for tick in ticks(low, high)]
    if mark is not None:
        parts.append(_line(x(mark), 1, x(mark), STRIP_HEIGHT - 1, GREY, "stroke-dasharray='3 2'"))
    label = "no value"
    if estimate is not None and estimate.value is not None:
        label = f"{estimate.value:.4f}"
        if estimate.low is not None and estimate.high is not None:
            left, right = x(estimate.low), x(estimate.high)
            label += f", interval {estimate.low:.4f} to {estimate.high:.4f}"
            parts.append(
                f"<rect x='{left}' y='{middle - 6}' width='{max(right - left, 2):.1f}' height='12'"
                f" rx='2' fill='{PALE}'/>"
            )
        parts.append(f"<circle cx='{x(estimate.value)}' cy='{middle}' r='3.2' fill='{BLUE}'/>")
    return _svg(STRIP_WIDTH, STRIP_HEIGHT, label, parts, fixed=True)


def axis(low: float, high: float) -> str:
    """The numbers below a column of strips."""
    span = STRIP_WIDTH - 2 * PAD
    parts = []
    for tick in ticks(low, high):
        x = PAD + (tick - low) / (high - low) * span
        parts.append(f"<text x='{x:.1f}' y='11' text-anchor='middle'>{tick:g}</text>")
    return _svg(STRIP_WIDTH, 16, f"axis from {low:g} to {high:g}", parts, fixed=True)


def bounds(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """An axis in steps of 0.05 that holds every interval with some room."""
    found = [
        number
        for one in estimates
        for number in (one.low, one.value, one.high)
        if number is not None
    ]
    if not found:
        return 0.0, 1.0
    low, high = min(found) - 0.01, max(found) + 0.01
    start, stop = int(low / 0.05), int(high / 0.05) + 1
    return round(max(start, 0) * 0.05, 2), round(stop * 0.05, 2)


def ticks(low: float, high: float) -> list[float]:
    """From four to eight round numbers from ``low`` to ``high``, multiples of one step."""
    sizes = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
    step = next((size for size in sizes if high - low <= 7 * size), 10.0)
    first = int(round(low / step, 6))
    numbers = (round(index * step, 6) for index in range(first, int(round(high / step, 6)) + 1))
    return [number for number in numbers if low <= number <= high]


def calibration(table: pd.DataFrame) -> str:
    """Observed share over mean prediction, a dot a bin; on the diagonal all is well."""
    width, height, left, bottom = 440, 340, 46, 40
    top = max(0.1, float(table[["mean_predicted", "observed_share"]].to_numpy().max()) * 1.08)
    top = min(top, 1.0)

    def x(value: float) -> float:
        return round(left + value / top * (width - left - 12), 1)

    def y(value: float) -> float:
        return round(height - bottom - value / top * (height - bottom - 12), 1)

    parts = _grid(ticks(0, top), x, y, width, height, left, bottom)
    parts.append(_line(x(0), y(0), x(top), y(top), GREY, "stroke-dasharray='4 3'"))
    dots = list(zip(table["mean_predicted"], table["observed_share"], table["rows"], strict=True))
    path = " ".join(f"{x(mean)},{y(share)}" for mean, share, _ in dots)
    parts.append(f"<polyline points='{path}' fill='none' stroke='{BLUE}' stroke-width='2'/>")
    for mean, share, rows in dots:
        parts.append(
            f"<circle cx='{x(mean)}' cy='{y(share)}' r='4.5' fill='{BLUE}'>"
            f"<title>predicted {mean:.3f}, observed {share:.3f}, {rows:,} rows</title></circle>"
        )
    parts += _titles("mean predicted probability", "observed share", width, height)
    return _svg(width, height, "calibration curve", parts)


def scores(table: pd.DataFrame, threshold: float) -> str:
    """Rows by probability, positives stacked on negatives, and the threshold."""
    width, height, left, bottom = 440, 340, 56, 40
    total = table["positives"] + table["negatives"]
    top = float(total.max()) * 1.08

    def x(value: float) -> float:
        return round(left + value * (width - left - 12), 1)

    def y(value: float) -> float:
        return round(height - bottom - value / top * (height - bottom - 12), 1)

    parts = [
        f"<text x='{x(tick)}' y='{height - bottom + 15}' text-anchor='middle'>{tick:g}</text>"
        for tick in ticks(0, 1)
    ]
    unit = 10 ** (len(str(int(top))) - 1)
    step = next(max(unit * part // 10, 1) for part in (2, 5, 10, 20) if top <= 0.7 * unit * part)
    for count in range(0, int(top) + 1, step):
        parts.append(_line(left, y(count), width - 12, y(count), LINE))
        parts.append(f"<text x='{left - 6}' y='{y(count) + 3}' text-anchor='end'>{count:,}</text>")
    bar = (x(1) - x(0)) / len(table) - 2
    for middle, positive, negative in zip(
        table["probability"], table["positives"], table["negatives"], strict=True
    ):
        for base, count, colour in ((0, negative, PALE), (negative, positive, ORANGE)):
            parts.append(
                f"<rect x='{x(middle) - bar / 2:.1f}' y='{y(base + count)}' width='{bar:.1f}'"
                f" height='{y(base) - y(base + count):.1f}' fill='{colour}'/>"
            )
    parts.append(_line(x(threshold), 12, x(threshold), height - bottom, INK, "stroke-width='1.5'"))
    side, shift = ("end", -5) if threshold > 0.6 else ("start", 5)
    parts.append(
        f"<text x='{x(threshold) + shift}' y='20' text-anchor='{side}'>"
        f"threshold {threshold:g}</text>"
    )
    parts += _titles("predicted probability", "rows", width, height)
    return _svg(width, height, "rows by predicted probability", parts)


def _grid(
    numbers: list[float],
    x: Scale,
    y: Scale,
    width: int,
    height: int,
    left: int,
    bottom: int,
) -> list[str]:
    parts = []
    for tick in numbers:
        parts.append(_line(left, y(tick), width - 12, y(tick), LINE))
        parts.append(_line(x(tick), 12, x(tick), height - bottom, LINE))
        parts.append(f"<text x='{left - 6}' y='{y(tick) + 3}' text-anchor='end'>{tick:g}</text>")
        parts.append(
            f"<text x='{x(tick)}' y='{height - bottom + 15}' text-anchor='middle'>{tick:g}</text>"
        )
    return parts


def _titles(horizontal: str, vertical: str, width: int, height: int) -> list[str]:
    middle = height / 2 - 14
    return [
        f"<text x='{width / 2 + 16}' y='{height - 6}' text-anchor='middle'>{horizontal}</text>",
        f"<text x='11' y='{middle}' text-anchor='middle' transform='rotate(-90 11 {middle})'>"
        f"{vertical}</text>",
    ]


def _line(a: float, b: float, c: float, d: float, colour: str, more: str = "") -> str:
    return f"<line x1='{a}' y1='{b}' x2='{c}' y2='{d}' stroke='{colour}' {more}/>"


def _svg(width: int, height: int, label: str, parts: list[str], fixed: bool = False) -> str:
    size = f" width='{width}' height='{height}'" if fixed else ""
    return (
        f"<svg viewBox='0 0 {width} {height}'{size} role='img' aria-label='{label}'>"
        f"{''.join(parts)}</svg>"
    )
