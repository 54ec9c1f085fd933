"""What was found about many nights together, as ``reports/incidents.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from assay.project import layout
from assay.project.document import Count, Document, Report, Text


class BudgetOfAlarms(Document):
    """An alarm takes ``nights`` of the last ``of``; of ``per_nights`` so many may be false."""

    nights: Count
    of: Count
    false_alarms: float
    per_nights: Count
    false_discovery_rate: float


class ColumnHit(Document):
    """A column's part in an incident: see `assay.monitor.incidents.fold.Hit`."""

    column: Text
    what: str
    first: Text
    last: Text
    nights: Count
    effect: float | None
    because: str
    snoozed: bool


class FoundIncident(Document):
    """Nights of one kind of alarm: see `assay.monitor.incidents.fold.DriftIncident`."""

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
    """A column in alarm on a night; ``p`` is None if no p-value led to it."""

    column: Text
    kind: Text
    what: str
    p: float | None
    since: Text
    because: str


class ToldSnooze(Document):
    """A snooze of params.yaml and what became of it."""

    column: Text
    because: Text
    owner: Text
    until: Text
    state: Text


class Incidents(Report):
    """All of incidents.json.

    ``nights`` are those that were asked for, from ``from`` to ``to``; ``alarms`` are theirs, by
    night. ``blind`` are those of them on which some column alone could not have been in alarm.
    ``left_out`` are earlier nights that could not be judged, and why.
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
    budget: BudgetOfAlarms
    open: Count
    incidents: tuple[FoundIncident, ...]
    alarms: Mapping[str, tuple[ColumnAlarm, ...]]
    snoozes: tuple[ToldSnooze, ...]
    blind: tuple[Text, ...]
    blind_columns: tuple[Text, ...]
    left_out: Mapping[str, str]
