"""The output of ``assay status --json``. No stage writes it to a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from assay.project.document import Count, Document, Report, Text


class MissingPart(Document):
    """Placeholder for a missing part, with the reason in ``none``."""

    none: Text


class ChampionStatus(Document):
    """The version that holds the stage; ``unverified`` is what its evidence lacks.

    ``because`` is the reason of the promotion, or if it was ``rolled_back`` to, of the rollback.
    """

    version: Text
    since: str
    by: str
    because: str | None
    rolled_back: bool
    commit: Text
    bundle: Text
    verdict: str | None
    unverified: str | None
    override: str | None


class LatestNight(Document):
    """The state of the latest night."""

    partition: Text
    standing: Text
    words: Text
    reasons: tuple[str, ...]


class UnpublishedRun(Document):
    """A run after the last published one that published nothing."""

    run_id: Text
    partition: Text
    event: Text
    detail: str | None


class WaitingNight(Document):
    """A night that waits for a person, as its last run was held or retracted."""

    partition: Text
    state: Text
    run_id: Text


class NightStatus(Document):
    """The last published night, and every night that waits for a person."""

    latest: LatestNight
    partition: Text
    run_id: Text
    version: Text
    bundle: Text
    published_at: str | None
    rows_read: Count | None
    rows_scored: Count | None
    rows_quarantined: Count | None
    unpublished_run: UnpublishedRun | None
    waiting: tuple[WaitingNight, ...]


class QuarantineStatus(Document):
    """Quarantined rows on the last published night, by rule, and over the last nights."""

    partition: Text
    rows: Count
    rules: Mapping[str, Count]
    last_nights: Count
    last_nights_rows: Count


class MostDriftedColumn(Document):
    """The column with the strongest drift."""

    column: Text
    distance: float | None
    limit: float | None
    reasons: tuple[str, ...]


class DriftStatus(Document):
    """Drift on the last monitored night."""

    partition: Text
    standing: Text
    headline: Text
    run_id: Text
    version: Text
    crossed: bool
    reasons: tuple[str, ...]
    drifted: Count
    features: Count
    max_drifted_share: float
    top: MostDriftedColumn | None
    page: Text


class PerformanceStatus(Document):
    """The headline metric of the last night with labels, and means of the last such nights.

    ``nights`` of them also have an estimate, and the means are theirs.
    """

    metric: Text
    partition: Text
    maturity_days: Count
    realized: float
    low: float | None
    high: float | None
    estimated: float | None
    nights: Count
    mean_realized: float | None
    mean_estimated: float | None


class RetrainStatus(Document):
    """The advice to train again of ``assay monitor --retrain-if``, which looked up to ``until``."""

    version: Text
    until: Text
    reasons: tuple[Text, ...]


class OpenIncident(Document):
    """An incident that needs attention."""

    id: Text
    kind: str
    since: Text
    columns: tuple[str, ...]
    sentence: Text


class IncidentsStatus(Document):
    """Incidents; ``to`` is the last night that they cover."""

    to: Text | None
    open: tuple[OpenIncident, ...]
    snoozed: Count


class StatusDocument(Report):
    """The output of ``assay status --json``; ``damaged`` lists problems of the store.

    ``retrain`` is null unless a rule advises now to train again.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = "status.json"
    STAGE: ClassVar = "status"
    WHAT: ClassVar = "a status"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    name: Text
    stage: Text
    champion: ChampionStatus | MissingPart
    night: NightStatus | MissingPart
    quarantine: QuarantineStatus | MissingPart
    drift: DriftStatus | MissingPart
    performance: PerformanceStatus | MissingPart
    incidents: IncidentsStatus | MissingPart
    retrain: RetrainStatus | None
    damaged: tuple[str, ...]
