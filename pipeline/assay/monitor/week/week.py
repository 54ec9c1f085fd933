"""A week of published nights, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.monitor.incidents.drift_incident import DriftIncident
from assay.monitor.week.merge import WeekNight, WeekPart
from assay.project import layout
from assay.project.params.drift import Budget


@dataclass(frozen=True, slots=True)
class Week:
    """A week, its nights, and the incidents in it.

    Attributes
    ----------
    title
        ISO 8601, such as ``2013-W36``: Monday to Sunday.
    names
        All its days; ``days`` are the published ones.
    expected
        The days on which a night would be.
    pages
        The nights that have an HTML page.
    parts
        The nights of each model, in order.
    open
        The incidents that are open at its end.
    sample_rows
        How many rows Evidently's charts show; no decision uses them.
    """

    name: str
    title: str
    names: tuple[str, ...]
    expected: tuple[str, ...]
    pages: frozenset[str]
    parts: tuple[WeekPart, ...]
    open: tuple[DriftIncident, ...]
    incidents: tuple[DriftIncident, ...]
    rule: Budget
    sample_rows: int = 0

    @property
    def first(self) -> str:
        return self.names[0]

    @property
    def last(self) -> str:
        return self.names[-1]

    @property
    def days(self) -> tuple[WeekNight, ...]:
        return tuple(day for each in self.parts for day in each.days)

    @property
    def metric(self) -> str:
        return self.parts[-1].told.headline

    @property
    def page(self) -> str:
        return f"{layout.WEEKS}/{self.title}.html"

    def total(self, what: str) -> int:
        """The sum of a count of rows over all nights."""
        return sum(getattr(each.told, what) for each in self.parts)

    def headline(self) -> str:
        """The result in one sentence."""
        many = len(self.open)
        count = f"{many or 'No'} incident{'' if many == 1 else 's'}"
        return f"{count} open at the end of {self.title}"

    def tree(self) -> dict[str, Any]:
        """The week as a JSON document."""
        return {
            "schema": 1,
            "name": self.name,
            "week": self.title,
            "from": self.first,
            "to": self.last,
            "nights": [day.partition for day in self.days],
            "open": [each.id for each in self.open],
            "incidents": [each.id for each in self.incidents],
            "rows_read": self.total("rows_read"),
            "rows_scored": self.total("rows_scored"),
            "rows_quarantined": self.total("rows_quarantined"),
            "parts": [_part(each) for each in self.parts],
            "sample_rows": self.sample_rows,
            "page": self.page,
        }


def _part(each: WeekPart) -> dict[str, Any]:
    told = each.told
    return {
        "version": each.version,
        "bundle": each.bundle,
        "nights": [day.partition for day in each.days],
        "rows_scored": told.rows_scored,
        "columns": [
            {
                "column": column.name,
                "nights_over": each.over.get(column.name, 0),
                "nights_in_alarm": each.alarms.get(column.name, 0),
                "distance": column.finding.distance,
                "psi": column.finding.psi,
                "wasserstein": column.finding.wasserstein,
                "null_share": column.finding.null_share,
                "new_category_share": column.finding.new_category_share,
            }
            for column in told.columns
        ],
        "broken_rules": dict(told.rules),
        "performance": [
            {
                "metric": one.metric,
                "estimated": one.estimated and one.estimated.value,
                "realized": one.realized and one.realized.value,
                "maturity_days": one.maturity_days,
                "rows": one.rows,
            }
            for one in told.performance
        ],
    }
