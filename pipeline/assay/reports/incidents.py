"""Drift incidents over several nights: ``reports/incidents.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from assay.project import layout
from assay.project.document import Count, Document, Report, Text


class AlarmBudget(Document):
    """Budget of false alarms.

    An alarm takes ``nights`` of the last ``of`` nights. ``false_alarms`` is the accepted number
    of false incidents in ``per_nights`` nights.
    """

    nights: Count
    of: Count
    false_alarms: float
    per_nights: Count
    false_discovery_rate: float


class ColumnHit(Document):
    """One column in an incident: see `assay.monitor.incidents.drift_incident.Hit`."""

    column: Text
    what: str
    first: Text
    last: Text
    nights: Count
    effect: float | None
    because: str
    snoozed: bool


class IncidentReport(Document):
    """Successive nights with one kind of alarm; see `assay.monitor.incidents.drift_incident`."""

    id: Text
    kind: Text
    state: Literal["open", "recovered", "snoozed"]
    sentence: Text
    first: Text
    found: Text
    last: Text
    recovered: Text | None
    nights: Count
    columns: tuple[Text, ...]
    hits: tuple[ColumnHit, ...]


class ColumnAlarm(Document):
    """A column in alarm on a night; ``p`` is None if the alarm is not from a p-value."""

    column: Text
    kind: Text
    what: str
    p: float | None
    since: Text
    because: str


class SnoozeStatus(Document):
    """A snooze of params.yaml and its state."""

    column: Text
    because: Text
    owner: Text
    until: Text
    state: Text


class Incidents(Report):
    """incidents.json.

    ``nights`` are the requested nights from ``from`` to ``to``, and ``alarms`` their alarms by
    night. ``blind`` are nights of these on which some column could not have raised an alarm by
    itself. ``left_out`` are earlier nights that could not be judged, each with the reason.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = layout.INCIDENTS
    STAGE: ClassVar = "monitor"
    WHAT: ClassVar = "a list of incidents"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    name: Text
    first: Text = Field(validation_alias="from", serialization_alias="from")
    to: Text
    nights: tuple[Text, ...]
    baseline: Text
    budget: AlarmBudget
    open: Count
    incidents: tuple[IncidentReport, ...]
    alarms: Mapping[str, tuple[ColumnAlarm, ...]]
    snoozes: tuple[SnoozeStatus, ...]
    blind: tuple[Text, ...]
    blind_columns: tuple[Text, ...]
    left_out: Mapping[str, str]
