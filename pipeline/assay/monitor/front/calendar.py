"""The nights as tiles: months of days where nights are days, else one row that wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import quote

from assay.monitor.nights.night import Night
from assay.monitor.nights.standing import Standing
from assay.monitor.nights.summary import path

MARKS: dict[Standing, str] = {
    "ok": "",
    "drift": "▲",
    "over": "△",
    "incident": "!",
    "snoozed": "z",
    "recovered": "○",
    "unseen": "?",
    "held": "‖",
    "failed": "✕",
    "unfinished": "…",
    "retracted": "↶",
    "missing": "·",
}
"""Standing -> the mark that tells it without colour."""

LATER = "+"
"""The mark of a published night of which a later run was held or failed."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A night as one link."""

    text: str
    mark: str
    kind: Standing
    link: str
    title: str


@dataclass(frozen=True, slots=True)
class Month:
    """Tiles under one title; ``blanks`` are the days of the week before the first."""

    title: str
    blanks: int
    days: bool
    tiles: tuple[Tile | None, ...]


def months(nights: Sequence[Night]) -> list[Month]:
    """All tiles; of days one block a month, each day below its day of the week."""
    try:
        days = {date.fromisoformat(night.partition): night for night in nights}
    except ValueError:
        tiles = tuple(_tile(night, night.partition) for night in nights)
        return [Month("", 0, False, tiles)]
    found = []
    for (_, _), group in groupby(sorted(days), key=lambda day: (day.year, day.month)):
        of_month = list(group)
        first, last = of_month[0], of_month[-1]
        every = [first.replace(day=number) for number in range(first.day, last.day + 1)]
        found.append(
            Month(
                f"{first:%B %Y}",
                first.weekday(),
                True,
                tuple(_tile(days[d], str(d.day)) if d in days else None for d in every),
            )
        )
    return found


def link(night: Night) -> str:
    """Where a click leads: the night's page if it has one, else its line in the table."""
    if night.page:
        return quote(path(night.partition, ".html").removeprefix("reports/"))
    return f"#{anchor(night)}"


def anchor(night: Night) -> str:
    """The id of the night's line in the table; an address may quote it."""
    return "night-" + quote(night.partition, safe="").replace("%", "_")


def _tile(night: Night, text: str) -> Tile:
    stand = night.stand
    mark = MARKS[stand.standing]
    if night.state == "published" and night.note:
        mark += LATER
    title = f"{night.partition}: {stand.words}"
    reasons = night.brief()
    return Tile(text, mark, stand.standing, link(night), title + "".join(f"; {r}" for r in reasons))
