"""Pictures over nights as inline SVG: one mark a night, no script and no font.

Each picture is as wide as a phone; the page sets several side by side where there is room, so
that their words stay of one size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from assay.monitor.nights.night import Measured, Night
from assay.pages.charts import round_out, ticks

OK, OVER, PLAIN, LINE, INK = "#2e7d4f", "#c0392b", "#1f6fb2", "#dde3e8", "#5b6773"
WIDTH, HEIGHT, LEFT, BASE, TOP = 340, 120, 42, 102, 10

SHADES = ((0.0, "#e4e9ee"), (0.7, "#f3d9a4"), (1.0, "#e8836f"), (2.0, "#a1261a"))
"""From how many times its limit a column's cell has which colour."""
UNKNOWN = "#6b4ba3"
"""The colour of what could not be compared."""


def bars(
    values: Sequence[float | None], nights: Sequence[Night], limit: float | None, label: str
) -> str:
    """A share a night as a bar, red where it is over the limit, which is dashed."""
    known = [value for value in values if value is not None]
    top = max((*known, limit or 0.0, 0.001)) * 1.1
    parts = _frame(0.0, top, nights, "%")
    slot = (WIDTH - LEFT) / max(1, len(nights))
    heights: dict[str, list[str]] = {PLAIN: [], OVER: []}
    for i, value in enumerate(values):
        if value:
            tall = (BASE - TOP) * value / top
            colour = OVER if limit is not None and value > limit else PLAIN
            x, wide = LEFT + slot * (i + 0.1), slot * 0.8
            heights[colour].append(f"M{x:.1f} {BASE}v{-tall:.1f}h{wide:.1f}v{tall:.1f}z")
    parts += [f'<path d="{"".join(d)}" fill="{c}"/>' for c, d in heights.items() if d]
    if limit is not None and limit > 0:
        y = BASE - (BASE - TOP) * limit / top
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH}" stroke="{OVER}" stroke-dasharray="4 3"/>')
    return _svg(HEIGHT, label, parts)


def performance(nights: Sequence[Night], label: str) -> str:
    """The estimate as a line in its interval, what labels said as dots; empty without either."""
    # What is not to be trusted is a gap in the line.
    estimated = [n.estimated if n.estimated and n.estimated.trusted else None for n in nights]
    realized = [n.realized for n in nights]
    shown = [
        value
        for one in (*estimated, *realized)
        if one is not None
        for value in (one.low, one.value, one.high)
        if value is not None and math.isfinite(value)
    ]
    if not shown:
        return ""
    low, high = round_out(min(shown), max(shown))
    slot = (WIDTH - LEFT) / len(nights)

    def at(i: int, value: float) -> str:
        y = BASE - (BASE - TOP) * (value - low) / (high - low)
        return f"{LEFT + slot * (i + 0.5):.1f} {y:.1f}"

    parts = _frame(low, high, nights, "")
    for run in _runs(estimated):
        edges = [
            *((i, one.high if one.high is not None else one.value) for i, one in run),
            *((i, one.low if one.low is not None else one.value) for i, one in reversed(run)),
        ]
        parts.append(
            f'<path d="M{"L".join(at(i, value) for i, value in edges)}z" fill="{PLAIN}" '
            'opacity=".18"/>'
        )
        line = "L".join(at(i, one.value) for i, one in run)
        # A lone night has no line: the end caps make it a dot.
        parts.append(
            f'<path d="M{line}{"h0" if len(run) == 1 else ""}" fill="none" stroke="{PLAIN}" '
            'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>'
        )
    dots = "".join(f"M{at(i, one.value)}h0" for i, one in enumerate(realized) if one is not None)
    if dots:
        wide = 4 if len(nights) <= 120 else 2.4
        parts.append(
            f'<path d="{dots}" stroke="#1f2933" stroke-width="{wide}" stroke-linecap="round"/>'
        )
    return _svg(HEIGHT, label, parts)


def strip(times: Sequence[float | None], known: Sequence[bool], label: str) -> str:
    """One column over all nights: a cell a night, the darker the further over its limit.

    It has no words, so it may be stretched to any width.

    Parameters
    ----------
    known
        Whether the column was looked at that night; where not, nothing is drawn.
    """
    cells: dict[str, list[str]] = {}
    for i, (value, looked) in enumerate(zip(times, known, strict=True)):
        if looked:
            cells.setdefault(shade(value), []).append(f"M{i} 0h1v1h-1z")
    parts = [f'<path d="{"".join(d)}" fill="{colour}"/>' for colour, d in sorted(cells.items())]
    return (
        f'<svg viewBox="0 0 {max(1, len(times))} 1" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def shade(times: float | None) -> str:
    """The colour of so many times the limit."""
    if times is None or math.isnan(times):
        return UNKNOWN
    return next(colour for least, colour in reversed(SHADES) if times >= least)


def _runs(points: Sequence[Measured | None]) -> list[list[tuple[int, Measured]]]:
    """Stretches of nights without a gap; a line is never drawn over what is not known."""
    found: list[list[tuple[int, Measured]]] = [[]]
    for i, point in enumerate(points):
        if point is not None:
            found[-1].append((i, point))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _frame(low: float, high: float, nights: Sequence[Night], unit: str) -> list[str]:
    """Lines and numbers of the axis at the left, the first and the last night below."""
    parts = []
    marks = ticks(low, high)
    for tick in marks[:: max(1, len(marks) // 4)]:
        y = BASE - (BASE - TOP) * (tick - low) / (high - low)
        words = f"{tick * 100:g}%" if unit else f"{tick:g}"
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH}" stroke="{LINE}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{words}</text>')
    ends = [(LEFT, "start", nights[0])] if nights else []
    ends += [(WIDTH, "end", nights[-1])] if len(nights) > 1 else []
    for x, anchor, night in ends:
        words = escape(night.partition[:18])
        parts.append(f'<text x="{x}" y="{HEIGHT - 4}" text-anchor="{anchor}">{words}</text>')
    return parts


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
