"""Assay's own section of a week's page: open incidents, nights, and all columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup

from assay.monitor.nights.night_path import night_path
from assay.monitor.nights.night_status import MonitoringStatus, affects_night, decide_status
from assay.pages import templating

if TYPE_CHECKING:
    from assay.monitor.week.merge import WeekNight, WeekPart
    from assay.monitor.week.week import Week


def render(week: Week) -> Markup:
    """Render the section as HTML. All text from data or people is escaped."""
    days = {day.partition: day for day in week.days}
    lines = [_line(week, name, days.get(name)) for name in week.expected]
    return templating.render("week.html", w=week, lines=lines)


def _stand(week: Week, day: WeekNight) -> MonitoringStatus:
    around = [
        (each, each.sentence()) for each in week.incidents if affects_night(each, day.partition)
    ]
    return decide_status("published", day.night.decision.crossed, around, together=True)


def _line(week: Week, name: str, day: WeekNight | None) -> dict[str, object]:
    parts: Sequence[WeekPart] = week.parts
    headline = next((p.told.headline for p in parts if day in p.days), "")
    known = {} if day is None else {
        bool(row["estimated"]): row["value"]
        for row in sorted(day.performance, key=lambda row: row["maturity_days"] or 0)
        if row["metric"] == headline and row.get("trusted") is not False
    }  # fmt: skip
    link = f"../{quote(night_path(name, '.html').removeprefix('reports/'))}"
    return {
        "name": name,
        "day": day,
        "stand": day and _stand(week, day),
        "link": link if name in week.pages else "",
        "expected": known.get(True),
        "realized": known.get(False),
    }
