"""The page's two kinds of picture as inline SVG: a curve to compare with the diagonal, bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from assay.pages.charts import BLUE, GREY, INK, LINE, PALE, line, svg, ticks

Scale = Callable[[float], float]

WIDTH, HEIGHT, RIGHT, TOP, BOTTOM = 440, 340, 12, 12, 40


@dataclass(frozen=True)
class Frame:
    """A plot's area: from values to places, with a left margin for the numbers there."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    left: int

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return round(self.left + share * (WIDTH - self.left - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)


def diagonal(
    table: pd.DataFrame, x: str, y: str, titles: tuple[str, str], *, low: float, high: float
) -> str:
    """Column ``y`` over column ``x``, a dot a row of ``table``; on the diagonal all is well.

    Both axes go from ``low`` to ``high``. Columns ``low`` and ``high``, if there are any, are
    drawn as a line through each dot.
    """
    place = Frame(low, high, low, high, left=56)
    parts = []
    for tick in ticks(low, high):
        at_x, at_y = place.x(tick), place.y(tick)
        parts.append(line(place.left, at_y, WIDTH - RIGHT, at_y, LINE))
        parts.append(line(at_x, TOP, at_x, HEIGHT - BOTTOM, LINE))
        parts += [_left(place, at_y, f"{tick:g}"), _below(at_x, f"{tick:g}")]
    ends = place.x(low), place.y(low), place.x(high), place.y(high)
    parts.append(line(*ends, GREY, "stroke-dasharray='4 3'"))
    spread = "low" in table
    dots = [(place.x(a), place.y(b)) for a, b in zip(table[x], table[y], strict=True)]
    if spread:
        for (at, _), a, b in zip(dots, table["low"], table["high"], strict=True):
            ends = at, place.y(max(a, low)), at, place.y(min(b, high))
            parts.append(line(*ends, PALE, "stroke-width='5'"))
    path = " ".join(f"{a},{b}" for a, b in dots)
    parts.append(f"<polyline points='{path}' fill='none' stroke='{BLUE}' stroke-width='2'/>")
    for (a, b), one, other, rows in zip(dots, table[x], table[y], table["rows"], strict=True):
        parts.append(
            f"<circle cx='{a}' cy='{b}' r='4.5' fill='{BLUE}'><title>{titles[0]} {one:.4g}, "
            f"{titles[1]} {other:.4g}, {rows:,} rows</title></circle>"
        )
    return svg(WIDTH, HEIGHT, f"{titles[1]} by {titles[0]}", [*parts, *_titles(*titles)])


def bars(
    table: pd.DataFrame,
    x: str,
    stacked: Sequence[tuple[str, str]],
    title: str,
    *,
    low: float,
    high: float,
    mark: tuple[float, str] | None = None,
) -> str:
    """Rows by ``x``, a bar a row of ``table``.

    Parameters
    ----------
    stacked
        Columns with counts and their colours, the lowest first.
    low, high
        Ends of the axis.
    mark
        A value to draw a line at if it is on the axis, and what it is.
    """
    most = float(table[[name for name, _ in stacked]].sum(axis=1).max())
    top = max(most, 1.0) * 1.08
    place = Frame(low, high, 0.0, top, left=62)
    parts = [_below(place.x(tick), f"{tick:g}") for tick in ticks(low, high)]
    for count in ticks(0, top):
        if count == int(count):
            parts.append(line(place.left, place.y(count), WIDTH - RIGHT, place.y(count), LINE))
            parts.append(_left(place, place.y(count), f"{int(count):,}"))
    width = max((place.x(high) - place.x(low)) / len(table) - 2, 1)
    for _, row in table.iterrows():
        base = 0.0
        for name, colour in stacked:
            parts.append(
                f"<rect x='{place.x(row[x]) - width / 2:.1f}' y='{place.y(base + row[name])}' "
                f"width='{width:.1f}' height='{place.y(base) - place.y(base + row[name]):.1f}' "
                f"fill='{colour}'/>"
            )
            base += row[name]
    if mark is not None and low <= mark[0] <= high:
        at = place.x(mark[0])
        parts.append(line(at, TOP, at, HEIGHT - BOTTOM, INK, "stroke-width='1.5'"))
        side, shift = ("end", -5) if at > 0.6 * WIDTH else ("start", 5)
        parts.append(f"<text x='{at + shift}' y='20' text-anchor='{side}'>{escape(mark[1])}</text>")
    return svg(WIDTH, HEIGHT, f"rows by {title}", [*parts, *_titles(title, "rows")])


def _left(place: Frame, y: float, text: str) -> str:
    return f"<text x='{place.left - 6}' y='{y + 3}' text-anchor='end'>{text}</text>"


def _below(x: float, text: str) -> str:
    return f"<text x='{x}' y='{HEIGHT - BOTTOM + 15}' text-anchor='middle'>{text}</text>"


def _titles(horizontal: str, vertical: str) -> list[str]:
    middle = HEIGHT / 2 - 14
    return [
        f"<text x='{WIDTH / 2 + 16}' y='{HEIGHT - 6}' text-anchor='middle'>"
        f"{escape(horizontal)}</text>",
        f"<text x='11' y='{middle}' text-anchor='middle' transform='rotate(-90 11 {middle})'>"
        f"{escape(vertical)}</text>",
    ]
