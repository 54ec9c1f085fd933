"""The monitoring report of one night, for its page, ``assay status`` and later nights.

Reports are kept as long as nights are. Keys that an older report lacks have a default with the
behaviour of that time. Unknown keys from newer versions are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from assay.project import layout
from assay.project.document import Count, Document, Report, Text


class NightLimits(Document):
    """How the distance limits were learnt, and the limits of params.yaml."""

    model_config = ConfigDict(extra="ignore")

    quantile: float
    nights: Count
    max_drifted_share: float
    max_null_share_change: float
    max_new_category_share: float


class ColumnBreak(Document):
    """A gross break in a column: one distance far above its limit."""

    model_config = ConfigDict(extra="ignore")

    what: Text
    value: float
    limit: float


class ColumnFinding(Document):
    """Drift measures of one column; None if one could not be computed."""

    LATER: ClassVar = frozenset(
        {
            *("ks", "wasserstein_limit", "breaks", "break_limit", "ks_break_limit"),
            *("null_break_limit", "moved_break_limit", "new_category_limit"),
        }
    )
    model_config = ConfigDict(extra="ignore")

    column: Text
    distance: float | None
    limit: float | None
    psi: float | None
    null_share: float | None
    null_share_change: float | None
    null_share_limit: float | None
    new_category_share: float | None
    drifted: bool
    crossed: bool
    decisive: bool
    reasons: tuple[Text, ...]
    total_variation: float | None
    wasserstein: float | None
    effect: float | None
    ks: float | None = None
    wasserstein_limit: float | None = None
    breaks: tuple[ColumnBreak, ...] = ()
    break_limit: float | None = None
    ks_break_limit: float | None = None
    null_break_limit: float | None = None
    moved_break_limit: float | None = None
    new_category_limit: float | None = None


class WeekdayComparison(Document):
    """Distances to earlier nights of the same weekday; ``none`` is the reason if there are none."""

    model_config = ConfigDict(extra="ignore")

    nights: tuple[Text, ...]
    distances: Mapping[str, float | None]
    none: str


class MaturedLabelDrift(Document):
    """Drift of the matured labels from the reference's labels."""

    model_config = ConfigDict(extra="ignore")

    maturity_days: Count
    rows: Count
    labelled_share: float
    distance: float
    limit: float | None
    psi: float | None
    total_variation: float | None
    wasserstein: float | None
    drifted: bool | None


class PerformanceNumber(Document):
    """One row of the performance table, over all rows of the run."""

    LATER: ClassVar = frozenset({"trusted", "why"})
    model_config = ConfigDict(extra="ignore")

    metric: Text
    estimated: bool
    maturity_days: Count | None
    value: float | None
    low: float | None
    high: float | None
    rows: Count | None
    labelled_share: float | None
    trusted: bool | None = None
    why: Text | None = None


class NightDocument(Report):
    """A night's report, ``<night>.json``.

    ``standing`` and ``incidents`` take the neighbouring nights into account. ``in_alarm`` are the
    columns in alarm, given the earlier nights; None if nights were not yet judged together.
    """

    SCHEMA: ClassVar = 1
    FILE: ClassVar = f"{layout.NIGHTS}/night.json"
    STAGE: ClassVar = "monitor"
    WHAT: ClassVar = "a night's document"
    LATER: ClassVar = frozenset({"standing", "incidents", "in_alarm"})
    model_config = ConfigDict(extra="ignore")

    schema_number: Literal[1] = Field(default=1, alias="schema")
    name: Text
    partition: Text
    crossed: bool
    reasons: tuple[Text, ...]
    standing: Text | None = None
    incidents: tuple[Text, ...] = ()
    in_alarm: tuple[Text, ...] | None = None
    run_id: Text
    version: Text
    bundle: Text
    contract: Text
    scored_at: Text
    rows_read: Count
    rows_scored: Count
    rows_quarantined: Count
    limits: NightLimits
    features: Count
    drifted: tuple[Text, ...]
    drifted_share: float | None
    findings: tuple[ColumnFinding, ...]
    weekday: WeekdayComparison
    label: MaturedLabelDrift | None
    broken_rules: Mapping[str, Count]
    performance: tuple[PerformanceNumber, ...]
    sample_rows: Count
    page: Text
