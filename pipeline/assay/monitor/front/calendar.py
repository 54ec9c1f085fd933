"""The calendar of nights: one tile a night, by month where nights are dates, else in one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import quote

from assay.monitor.nights.night import Night
from assay.monitor.nights.night_path import night_path
from assay.monitor.nights.night_status import StatusName

MARKS: dict[StatusName, str] = {
    "ok": "",
    "drift": "▲",
    "over": "△",
    "incident": "!",
    "snoozed": "z",
    "recovered": "○",
    "unseen": "?",
    "held": "‖",
    "failed": "✕",
    "absent": "∅",
    "unfinished": "…",
    "retracted": "↶",
    "missing": "·",
}
"""Status -> its symbol, so that the calendar can be read without colour."""

LATER = "+"
"""Added to a published night if a later run was held or failed."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A night as one link."""

    text: str
    mark: str
    kind: StatusName
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
    """The night's page if it has one, else its row in the table."""
    if night.page:
        return quote(night_path(night.partition, ".html").removeprefix("reports/"))
    return f"#{anchor(night)}"


def anchor(night: Night) -> str:
    """The id of the night's row in the table, safe in a URL."""
    return "night-" + quote(night.partition, safe="").replace("%", "_")


def _tile(night: Night, text: str) -> Tile:
    stand = night.stand
    mark = MARKS[stand.standing]
    if night.state == "published" and night.note:
        mark += LATER
    title = f"{night.partition}: {stand.words}"
    reasons = night.brief()
    return Tile(text, mark, stand.standing, link(night), title + "".join(f"; {r}" for r in reasons))
