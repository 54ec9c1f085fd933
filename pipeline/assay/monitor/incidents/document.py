"""The alarms and incidents of many nights as one JSON document, ``reports/incidents.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from assay.columns.break_limits import YEAR
from assay.monitor.drift.budget import REASONS, Alarm, fdr_level
from assay.monitor.drift.night_decision import NightDecision, SnoozeState, states
from assay.monitor.incidents.collect import DriftIncident, group_alarms
from assay.project.params import Monitor
from assay.project.text import counted


@dataclass(frozen=True, slots=True)
class IncidentHistory:
    """The alarms and incidents of all nights up to the last requested one.

    Attributes
    ----------
    first, last
        The requested nights.
    nights
        The decisions about the requested nights, in order.
    incidents
        Of all nights up to ``last``. They may begin before ``first``, so the same nights give the
        same incidents whatever was requested.
    left_out
        Earlier nights that can no longer be judged, and why.
    """

    name: str
    first: str
    last: str
    nights: tuple[NightDecision, ...]
    incidents: tuple[DriftIncident, ...]
    snoozes: tuple[SnoozeState, ...]
    left_out: Mapping[str, str]
    limits: Monitor

    @property
    def open(self) -> tuple[DriftIncident, ...]:
        """The open incidents."""
        return tuple(each for each in self.incidents if each.state == "open")

    @property
    def blind(self) -> tuple[str, ...]:
        """Requested nights on which some column alone could not raise an alarm, at any distance."""
        return tuple(night.partition for night in self.nights if night.alarms.blind)

    @property
    def blind_columns(self) -> tuple[str, ...]:
        """The columns that could not raise an alarm alone on some requested night."""
        return tuple(sorted({column for night in self.nights for column in night.alarms.blind}))

    def open_at_end(self) -> str:
        """How many incidents are open, and the first of them, for one line; empty if none is."""
        if not self.open:
            return ""
        return f"{counted(len(self.open), 'incident')} open at the end: {self.open[0].sentence()}"

    def document(self) -> dict[str, Any]:
        """The content of the file, as JSON values."""
        rule = self.limits.budget
        return {
            "schema": 1,
            "name": self.name,
            "from": self.first,
            "to": self.last,
            "nights": [night.partition for night in self.nights],
            "baseline": self.limits.baseline,
            "budget": {
                "nights": rule.nights,
                "of": rule.of,
                "false_alarms": rule.false_alarms,
                "per_nights": YEAR,
                "false_discovery_rate": fdr_level(rule),
            },
            "open": len(self.open),
            "incidents": [_incident(each) for each in self.incidents],
            "alarms": {
                night.partition: [_alarm(each) for each in night.alarms.alarms]
                for night in self.nights
                if night.alarms.alarms
            },
            "snoozes": [
                {**each.snooze.model_dump(mode="json"), "state": each.state}
                for each in self.snoozes
            ],
            "blind": self.blind,
            "blind_columns": self.blind_columns,
            "left_out": dict(self.left_out),
        }


def history_of(
    name: str,
    first: str,
    last: str,
    decisions: Mapping[str, NightDecision],
    left_out: Mapping[str, str],
    limits: Monitor,
) -> IncidentHistory:
    """The history up to ``last``.

    Parameters
    ----------
    decisions
        About all nights, in order.
    """
    mine = [each for night, each in decisions.items() if night <= last]
    columns = {finding.column for each in mine for finding in each.drift.findings}
    columns.add(REASONS.column)
    return IncidentHistory(
        name=name,
        first=first,
        last=last,
        nights=tuple(each for each in mine if first <= each.partition),
        incidents=group_alarms(mine),
        snoozes=states(limits.snooze, columns, last),
        left_out=left_out,
        limits=limits,
    )


def _incident(incident: DriftIncident) -> dict[str, Any]:
    return {**asdict(incident), "sentence": incident.sentence(), "columns": incident.columns}


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        **asdict(alarm.question),
        "p": alarm.p,
        "since": alarm.since,
        "because": alarm.because,
    }
