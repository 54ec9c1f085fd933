"""The front page's charts over nights, one mark a night.

Each chart is as wide as a phone. The page sets several side by side where there is room, so that
their text keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import quote

from assay.monitor.nights.night import STATUSES, Night, ShownMetric, night_path
from assay.pages.svg import BLUE, DARK, RED, Picture, Scale, label_margin, round_out, tick_labels

WIDTH, HEIGHT, BASE, TOP, RIGHT = 340, 120, 102, 10, 4

SHADES = ((0.0, "#e4e9ee"), (0.7, "#f3d9a4"), (1.0, "#e8836f"), (2.0, "#a1261a"))
"""Lower bounds of a distance as a multiple of its limit, each with a cell's colour."""
UNKNOWN = "#6b4ba3"
"""The colour of a column that could not be compared."""


def bars(
    values: Sequence[float | None], nights: Sequence[Night], limit: float | None, label: str
) -> Picture:
    """A bar chart of a share per night: red over the limit, which is a dashed line."""
    known = [
        (value, night) for value, night in zip(values, nights, strict=True) if value is not None
    ]
    top = max((*(value for value, _ in known), limit or 0.0, 0.001)) * 1.1
    read = ""
    if known:
        most, when = max(known, key=lambda each: each[0])
        last, final = known[-1]
        read = f"highest {most:.2%} on {when.partition}; last {last:.2%} on {final.partition}"
    if limit is not None:
        over = sum(value > limit for value, _ in known)
        read += f"; over the limit of {limit:.2%} on {over} of {len(known)} nights"
    picture = Picture(WIDTH, HEIGHT, label, read)
    across, up = _axes(picture, 0.0, top, nights, percent=True)
    heights: dict[str, list[str]] = {BLUE: [], RED: []}
    slot = across(1) - across(0)
    for i, value in enumerate(values):
        if value:
            tall = BASE - up(value)
            colour = RED if limit is not None and value > limit else BLUE
            x, wide = across(i + 0.1), slot * 0.8
            heights[colour].append(f"M{x:.1f} {BASE}v{-tall:.1f}h{wide:.1f}v{tall:.1f}z")
    for colour, shapes in heights.items():
        if shapes:
            picture.path("".join(shapes), fill=colour)
    if limit is not None and limit > 0:
        picture.line((across.start, up(limit)), (across.end, up(limit)), RED, dashes="4 3")
    return picture


def performance(nights: Sequence[Night], label: str) -> Picture | None:
    """The estimate as a line with its interval, realized values as dots; None without either."""
    # An untrusted estimate is a gap in the line.
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
        return None
    read = "; ".join(
        f"last {how} {one.value:.3f} on {night.partition}"
        for how, each in (("estimated", estimated), ("with labels", realized))
        for one, night in [
            (one, night) for one, night in zip(each, nights, strict=True) if one is not None
        ][-1:]
    )
    picture = Picture(WIDTH, HEIGHT, label, read)
    across, up = _axes(picture, *round_out(min(shown), max(shown)), nights)

    def at(i: int, value: float) -> str:
        return f"{across(i + 0.5):.1f} {up(value):.1f}"

    for run in _runs(estimated):
        edges = [
            *((i, one.high if one.high is not None else one.value) for i, one in run),
            *((i, one.low if one.low is not None else one.value) for i, one in reversed(run)),
        ]
        shape = "L".join(at(i, value) for i, value in edges)
        picture.path(f"M{shape}z", fill=BLUE, opacity=0.18)
        line = "L".join(at(i, one.value) for i, one in run)
        # A single night has no line; round end caps make it a dot.
        end = "h0" if len(run) == 1 else ""
        picture.path(f"M{line}{end}", stroke=BLUE, width=1.8, round_ends=True)
    dots = "".join(f"M{at(i, one.value)}h0" for i, one in enumerate(realized) if one is not None)
    if dots:
        wide = 4 if len(nights) <= 120 else 2.4
        picture.path(dots, stroke=DARK, width=wide, round_ends=True)
    return picture


def heat_map(times: Sequence[float | None], known: Sequence[bool], label: str) -> Picture:
    """A heat map of one column: a cell a night, darker the further over its limit.

    It has no text, so it can be stretched to any width.

    Parameters
    ----------
    known
        Whether the column was monitored that night; if not, no cell is drawn.
    """
    cells: dict[str, list[str]] = {}
    for i, (value, looked) in enumerate(zip(times, known, strict=True)):
        if looked:
            cells.setdefault(shade(value), []).append(f"M{i} 0h1v1h-1z")
    picture = Picture(max(1, len(times)), 1, label, stretched=True)
    for colour, shapes in sorted(cells.items()):
        picture.path("".join(shapes), fill=colour)
    return picture


def shade(times: float | None) -> str:
    """The colour for a distance as a multiple of its limit."""
    if times is None or math.isnan(times):
        return UNKNOWN
    return next(colour for least, colour in reversed(SHADES) if times >= least)


def _runs(points: Sequence[ShownMetric | None]) -> list[list[tuple[int, ShownMetric]]]:
    """Stretches of consecutive nights with a value; no line is drawn across a gap."""
    runs: list[list[tuple[int, ShownMetric]]] = [[]]
    for i, point in enumerate(points):
        if point is not None:
            runs[-1].append((i, point))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _axes(
    picture: Picture, low: float, high: float, nights: Sequence[Night], *, percent: bool = False
) -> tuple[Scale, Scale]:
    """Draw grid lines with numbers at the left, and below the first and the last night."""
    up = Scale(low, high, BASE, TOP)
    levels = tick_labels(up, 100, "%") if percent else tick_labels(up)
    levels = levels[:: max(1, len(levels) // 4)]
    left = label_margin(words for _, words in levels)
    across = Scale(0, max(1, len(nights)), left, WIDTH - RIGHT)
    for level, _ in levels:
        picture.line((across.start, level), (across.end, level))
    picture.labels_left(levels, across.start - 5)
    if nights:
        picture.text(across.start, HEIGHT - 4, nights[0].partition[:18])
    if len(nights) > 1:
        picture.text(across.end, HEIGHT - 4, nights[-1].partition[:18], "end")
    return across, up


LATER = "+"
"""Added to a published night if a later run was held or failed."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A night as one link."""

    text: str
    mark: str
    kind: str
    link: str
    title: str


@dataclass(frozen=True, slots=True)
class Month:
    """Tiles under one title; ``blanks`` are the empty weekdays before the first."""

    title: str
    blanks: int
    days: bool
    tiles: tuple[Tile | None, ...]


def months(nights: Sequence[Night]) -> list[Month]:
    """All tiles; for dates, one block a month with each day below its weekday."""
    try:
        days = {date.fromisoformat(night.partition): night for night in nights}
    except ValueError:
        tiles = tuple(_tile(night, night.partition) for night in nights)
        return [Month("", 0, False, tiles)]
    calendar = []
    for (_, _), group in groupby(sorted(days), key=lambda day: (day.year, day.month)):
        of_month = list(group)
        first, last = of_month[0], of_month[-1]
        every = [first.replace(day=number) for number in range(first.day, last.day + 1)]
        calendar.append(
            Month(
                f"{first:%B %Y}",
                first.weekday(),
                True,
                tuple(_tile(days[d], str(d.day)) if d in days else None for d in every),
            )
        )
    return calendar


def link(night: Night) -> str:
    """The night's page if it has one, else its row in the table."""
    if night.page:
        return quote(night_path(night.partition, ".html").removeprefix("reports/"))
    return f"#{anchor(night)}"


def anchor(night: Night) -> str:
    """The id of the night's row in the table, safe in a URL."""
    return "night-" + quote(night.partition, safe="").replace("%", "_")


def _tile(night: Night, text: str) -> Tile:
    status = night.status
    mark = STATUSES[status.name][1]
    if night.state == "published" and night.note:
        mark += LATER
    title = f"{night.partition}: {status.words}"
    reasons = night.brief()
    return Tile(text, mark, status.name, link(night), title + "".join(f"; {r}" for r in reasons))
