"""One night's monitoring result as a value and as JSON, for its page and ``assay status``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.monitor.drift.baselines import NOT_COMPARED, WeekdayDistances
from assay.monitor.drift.drift import DriftDecision
from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.nights.night_path import night_path
from assay.monitor.nights.night_status import MonitoringStatus
from assay.performance.known_metrics import by_metric
from assay.performance.label_drift import LabelDrift
from assay.project.params import Monitor, Params
from assay.store import Run


@dataclass(frozen=True, slots=True)
class NightSummary:
    """A night, the run that was judged, and the drift decision.

    Attributes
    ----------
    version, bundle
        The model version that scored the night, and its bundle's digest.
    scored_at
        When the run was published, ISO 8601 in UTC.
    page
        Path of the HTML page, relative to the project's root.
    stand
        The night's status, given its incidents.
    in_alarm
        Columns in alarm by the false-alarm budget.
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
    page: str
    limits: Monitor
    decision: DriftDecision
    stand: MonitoringStatus
    in_alarm: tuple[str, ...] = ()
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

    def document(self) -> dict[str, Any]:
        """The night's document, as JSON values. Nothing reads it."""
        decision, label = self.decision, self.label
        return {
            "schema": 1,
            "name": self.name,
            "partition": self.partition,
            "crossed": decision.crossed,
            "reasons": decision.reasons,
            "standing": self.stand.standing,
            "incidents": self.stand.incidents,
            "in_alarm": self.in_alarm,
            "run_id": self.run_id,
            "version": self.version,
            "bundle": self.bundle,
            "contract": self.contract,
            "scored_at": self.scored_at,
            "rows_read": self.rows_read,
            "rows_scored": self.rows_scored,
            "rows_quarantined": self.rows_quarantined,
            "limits": {
                "quantile": decision.quantile,
                "nights": decision.nights,
                "max_drifted_share": self.limits.max_drifted_share,
                "max_null_share_change": self.limits.max_null_share_change,
                "max_new_category_share": self.limits.max_new_category_share,
            },
            "features": decision.features,
            "drifted": decision.drifted,
            "drifted_share": decision.drifted_share,
            "findings": [asdict(each) for each in decision.findings],
            "weekday": asdict(self.weekday),
            "label": None if label is None else {**asdict(label), "drifted": label.drifted},
            "broken_rules": dict(self.broken_rules),
            "performance": [dict(row) for row in self.performance],
            "page": self.page,
        }


def summary_of(
    params: Params,
    record: Run,
    judged: NightDecision,
    status: MonitoringStatus,
    label: LabelDrift | None,
    broken_rules: Mapping[str, int],
    performance: tuple[Mapping[str, Any], ...],
) -> NightSummary:
    """Build the summary of a run that was judged; see `NightSummary`."""
    return NightSummary(
        name=params.name,
        partition=record.partition,
        run_id=record.run_id,
        version=record.version,
        bundle=record.bundle,
        contract=record.contract,
        scored_at=f"{record.at:%Y-%m-%d %H:%M:%S} UTC" if record.at else "unknown",
        rows_read=record.rows_read or 0,
        rows_scored=record.rows_scored or 0,
        rows_quarantined=record.rows_quarantined or 0,
        page=night_path(record.partition, ".html"),
        limits=params.monitor,
        decision=judged.drift,
        stand=status,
        in_alarm=judged.in_alarm,
        weekday=judged.weekday,
        label=label,
        broken_rules=broken_rules,
        performance=performance,
    )


MEASURED = (
    *("metric", "estimated", "maturity_days", "value", "low", "high", "rows", "labelled_share"),
    *("trusted", "why"),
)
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
