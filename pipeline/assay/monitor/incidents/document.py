"""Alarms and incidents of many nights as one JSON document, ``reports/incidents.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from assay.columns.breaks import YEAR
from assay.monitor.drift.budget import NightAlarms, level
from assay.monitor.drift.snooze import Snoozed, covering
from assay.monitor.incidents.fold import DriftIncident
from assay.monitor.nights import incident as told
from assay.monitor.nights.incident import ListedIncidents
from assay.project.params import Monitor
from assay.reports.incidents import (
    BudgetOfAlarms,
    ColumnAlarm,
    ColumnHit,
    FoundIncident,
    Incidents,
    ToldSnooze,
)


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that was found about the nights up to one.

    Attributes
    ----------
    first, last
        The nights that were asked for.
    nights
        All published nights up to ``last``, judged in their order; incidents began wherever they
        began, so the same nights give the same incidents whatever was asked for.
    left_out
        Earlier nights that could not be judged any more, and why.
    """

    name: str
    first: str
    last: str
    nights: tuple[NightAlarms, ...]
    incidents: tuple[DriftIncident, ...]
    snoozes: tuple[Snoozed, ...]
    left_out: dict[str, str]
    limits: Monitor

    @property
    def open(self) -> tuple[DriftIncident, ...]:
        """What somebody has to look at now."""
        return tuple(each for each in self.incidents if each.state == "open")

    @property
    def blind(self) -> tuple[str, ...]:
        """Nights on which some column alone could not have been in alarm, however far away."""
        asked = (night for night in self.nights if self.first <= night.partition)
        return tuple(night.partition for night in asked if night.blind)

    @property
    def blind_columns(self) -> tuple[str, ...]:
        """The columns of which that is true on some of them."""
        asked = (night for night in self.nights if self.first <= night.partition)
        return tuple(sorted({column for night in asked for column in night.blind}))

    def in_alarm(self) -> dict[str, tuple[str, ...]]:
        """Night -> columns in alarm that nobody snoozed, of the nights that were asked for."""
        found: dict[str, tuple[str, ...]] = {}
        for night in self.nights:
            if night.partition >= self.first:
                columns = [
                    alarm.question.column
                    for alarm in night.alarms
                    if covering(self.limits.snooze, alarm.question.column, night.partition) is None
                ]
                found[night.partition] = tuple(dict.fromkeys(columns))
        return found

    def listed(self) -> ListedIncidents:
        """What will be read of it."""
        found = tuple(
            told.Incident(
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
        """As it is written."""
        rule = self.limits.budget
        asked = [night for night in self.nights if self.first <= night.partition]
        return Incidents(
            name=self.name,
            first=self.first,
            to=self.last,
            nights=tuple(night.partition for night in asked),
            baseline=self.limits.baseline,
            budget=BudgetOfAlarms(
                nights=rule.nights,
                of=rule.of,
                false_alarms=rule.false_alarms,
                per_nights=YEAR,
                false_discovery_rate=level(rule),
            ),
            open=len(self.open),
            incidents=tuple(_incident(each) for each in self.incidents),
            alarms={night.partition: _alarms(night) for night in asked if night.alarms},
            snoozes=tuple(
                ToldSnooze(**each.snooze.model_dump(mode="json"), state=each.state)
                for each in self.snoozes
            ),
            blind=self.blind,
            blind_columns=self.blind_columns,
            left_out=self.left_out,
        )

    def to_json(self) -> str:
        """The same text for the same nights."""
        return self.document().text()


def _incident(incident: DriftIncident) -> FoundIncident:
    return FoundIncident(
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
