"""One night's monitoring result as a value and as JSON, for its page and ``assay status``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.monitor.drift.baselines import NOT_COMPARED, WeekdayDistances
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.nights.night_status import MonitoringStatus
from assay.monitor.performance.known_metrics import by_metric
from assay.monitor.performance.label_drift import LabelDrift
from assay.project.params import Monitor
from assay.reports.night import (
    ColumnBreak,
    ColumnFinding,
    MaturedLabelDrift,
    NightDocument,
    NightLimits,
    PerformanceNumber,
    WeekdayComparison,
)


@dataclass(frozen=True, slots=True)
class NightSummary:
    """A night, the run that was judged, and the drift decision.

    Attributes
    ----------
    version, bundle
        The model version that scored the night, and its bundle's digest.
    scored_at
        When the run was published, ISO 8601 in UTC.
    sample_rows
        How many rows Evidently's charts show; no decision uses them.
    page
        Path of the HTML page, relative to the project's root.
    stand
        The night's status, given its incidents.
    in_alarm
        Columns in alarm by the false-alarm budget; None if the night was not judged with the nights
        before it.
    weekday
        Distances from the same weekdays before it; informational.
    label
        Drift of its labels from the reference's, once some labels are known; informational.
    broken_rules
        Rule -> how many of the inspected quarantined rows broke it.
    performance
        The model's performance on all rows, as known when this was written: rows of the performance
        table, without the columns that they share.
    """

    name: str
    partition: str
    run_id: str
    version: str
    bundle: str
    contract: str
    scored_at: str
    rows_read: int
    rows_scored: int
    rows_quarantined: int
    sample_rows: int
    page: str
    limits: Monitor
    decision: DriftDecision
    stand: MonitoringStatus
    in_alarm: tuple[str, ...] | None = None
    weekday: WeekdayDistances = NOT_COMPARED
    label: LabelDrift | None = None
    broken_rules: Mapping[str, int] = field(default_factory=dict)
    performance: tuple[Mapping[str, Any], ...] = ()

    def headline(self) -> str:
        """The status as one sentence."""
        return self.stand.headline(self.partition)

    def reasons(self) -> tuple[str, ...]:
        """Why the night has this status: the limits it crossed, then its incidents."""
        return (*self.decision.reasons, *self.stand.incidents)

    def document(self) -> NightDocument:
        """The night's document."""
        decision, label = self.decision, self.label
        return NightDocument(
            name=self.name,
            partition=self.partition,
            crossed=decision.crossed,
            reasons=decision.reasons,
            standing=self.stand.standing,
            incidents=self.stand.incidents,
            in_alarm=self.in_alarm,
            run_id=self.run_id,
            version=self.version,
            bundle=self.bundle,
            contract=self.contract,
            scored_at=self.scored_at,
            rows_read=self.rows_read,
            rows_scored=self.rows_scored,
            rows_quarantined=self.rows_quarantined,
            limits=NightLimits(
                quantile=decision.quantile,
                nights=decision.nights,
                max_drifted_share=self.limits.max_drifted_share,
                max_null_share_change=self.limits.max_null_share_change,
                max_new_category_share=self.limits.max_new_category_share,
            ),
            features=decision.features,
            drifted=decision.drifted,
            drifted_share=decision.drifted_share,
            findings=tuple(_finding(each) for each in decision.findings),
            weekday=WeekdayComparison(
                nights=self.weekday.nights,
                distances=self.weekday.distances,
                none=self.weekday.why_none,
            ),
            label=None
            if label is None
            else MaturedLabelDrift(**asdict(label), drifted=label.drifted),
            broken_rules=self.broken_rules,
            performance=tuple(PerformanceNumber(**row) for row in self.performance),
            sample_rows=self.sample_rows,
            page=self.page,
        )

    def to_json(self) -> str:
        """The night's document as JSON; deterministic."""
        return self.document().text()


def _finding(found: DriftFinding) -> ColumnFinding:
    breaks = tuple(ColumnBreak(**asdict(each)) for each in found.breaks)
    return ColumnFinding(**{**asdict(found), "breaks": breaks})


MEASURED = tuple(PerformanceNumber.model_fields)
"""The columns of the performance table that a document repeats."""


def overall_metrics(performance: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The metrics over all rows of one run, in a fixed order.

    Parameters
    ----------
    performance
        Rows of the performance table; the later of two rows of one metric counts.
    """
    known = by_metric(performance, valued=False)
    return tuple(
        {name: row.get(name) for name in MEASURED} for each in known.values() for row in each.rows()
    )
