"""The alarms and incidents of many nights as one JSON document, ``reports/incidents.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from assay.columns.break_limits import YEAR
from assay.monitor.drift.budget import NightAlarms, fdr_level
from assay.monitor.drift.snooze import SnoozeState, find_snooze
from assay.monitor.incidents.drift_incident import DriftIncident
from assay.monitor.nights import incident as night_incident
from assay.monitor.nights.incident import ListedIncidents
from assay.project.params import Monitor
from assay.reports.incidents import (
    AlarmBudget,
    ColumnAlarm,
    ColumnHit,
    IncidentReport,
    Incidents,
    SnoozeStatus,
)


@dataclass(frozen=True, slots=True)
class IncidentHistory:
    """The alarms and incidents of all nights up to the last requested one.

    Attributes
    ----------
    first, last
        The requested nights.
    nights
        All published nights up to ``last``, judged in order. Incidents may begin before ``first``,
        so the same nights give the same incidents whatever was requested.
    left_out
        Earlier nights that can no longer be judged, and why.
    """

    name: str
    first: str
    last: str
    nights: tuple[NightAlarms, ...]
    incidents: tuple[DriftIncident, ...]
    snoozes: tuple[SnoozeState, ...]
    left_out: dict[str, str]
    limits: Monitor

    @property
    def open(self) -> tuple[DriftIncident, ...]:
        """The open incidents."""
        return tuple(each for each in self.incidents if each.state == "open")

    @property
    def blind(self) -> tuple[str, ...]:
        """Requested nights on which some column alone could not raise an alarm, at any distance."""
        asked = (night for night in self.nights if self.first <= night.partition)
        return tuple(night.partition for night in asked if night.blind)

    @property
    def blind_columns(self) -> tuple[str, ...]:
        """The columns that could not raise an alarm alone on some requested night."""
        asked = (night for night in self.nights if self.first <= night.partition)
        return tuple(sorted({column for night in asked for column in night.blind}))

    def open_at_end(self) -> str:
        """How many incidents are open, and the first of them, for one line; empty if none is."""
        if not self.open:
            return ""
        return f"{len(self.open)} incident(s) open at the end: {self.open[0].sentence()}"

    def in_alarm(self) -> dict[str, tuple[str, ...]]:
        """Requested night -> its columns in alarm that are not snoozed."""
        found: dict[str, tuple[str, ...]] = {}
        for night in self.nights:
            if night.partition >= self.first:
                columns = [
                    alarm.question.column
                    for alarm in night.alarms
                    if find_snooze(self.limits.snooze, alarm.question.column, night.partition)
                    is None
                ]
                found[night.partition] = tuple(dict.fromkeys(columns))
        return found

    def listed(self) -> ListedIncidents:
        """The incidents as reading the written file would give them."""
        found = tuple(
            night_incident.Incident(
                each.id,
                "drift",
                each.state,
                each.first,
                each.last,
                tuple(each.columns),
                each.sentence(),
                each.kind,
            )
            for each in self.incidents
        )
        return ListedIncidents(found, self.last)

    def document(self) -> Incidents:
        """The content of ``reports/incidents.json``."""
        rule = self.limits.budget
        asked = [night for night in self.nights if self.first <= night.partition]
        return Incidents(
            name=self.name,
            first=self.first,
            to=self.last,
            nights=tuple(night.partition for night in asked),
            baseline=self.limits.baseline,
            budget=AlarmBudget(
                nights=rule.nights,
                of=rule.of,
                false_alarms=rule.false_alarms,
                per_nights=YEAR,
                false_discovery_rate=fdr_level(rule),
            ),
            open=len(self.open),
            incidents=tuple(_incident(each) for each in self.incidents),
            alarms={night.partition: _alarms(night) for night in asked if night.alarms},
            snoozes=tuple(
                SnoozeStatus(**each.snooze.model_dump(mode="json"), state=each.state)
                for each in self.snoozes
            ),
            blind=self.blind,
            blind_columns=self.blind_columns,
            left_out=self.left_out,
        )

    def to_json(self) -> str:
        """The document as JSON; deterministic."""
        return self.document().text()


def _incident(incident: DriftIncident) -> IncidentReport:
    return IncidentReport(
        id=incident.id,
        kind=incident.kind,
        state=incident.state,
        sentence=incident.sentence(),
        first=incident.first,
        found=incident.found,
        last=incident.last,
        recovered=incident.recovered,
        nights=incident.nights,
        columns=incident.columns,
        hits=tuple(ColumnHit(**asdict(hit)) for hit in incident.hits),
    )


def _alarms(night: NightAlarms) -> tuple[ColumnAlarm, ...]:
    return tuple(
        ColumnAlarm(
            column=alarm.question.column,
            kind=alarm.question.kind,
            what=alarm.question.what,
            p=alarm.p,
            since=alarm.since,
            because=alarm.because,
        )
        for alarm in night.alarms
    )
