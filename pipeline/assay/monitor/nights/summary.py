"""One night's monitoring result as a value and as JSON, for its page and ``assay status``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.compute as pc

from assay.monitor.drift.drift import DriftDecision
from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.nights.night import MonitoringStatus, night_path
from assay.performance.label_drift import LabelDrift
from assay.performance.realized_metrics import Row, by_metric
from assay.project.params import Monitor
from assay.store import Run, Store

RUN = (
    *("partition", "run_id", "version", "bundle", "contract"),
    *("rows_read", "rows_scored", "rows_quarantined"),
)
"""What a document repeats of the run."""


@dataclass(frozen=True, slots=True)
class NightSummary:
    """A night, the run that was judged, and the drift decision.

    Attributes
    ----------
    status
        The night's status, given its incidents.
    label
        Drift of its labels from the reference's, once some labels are known; informational.
    broken_rules
        Rule -> how many of the inspected quarantined rows broke it.
    performance
        The model's performance on all rows, as known when this was written: rows of the performance
        table, without the columns that they share.
    """

    record: Run
    judged: NightDecision
    status: MonitoringStatus
    limits: Monitor
    label: LabelDrift | None = None
    broken_rules: Mapping[str, int] = field(default_factory=dict)
    performance: tuple[Row, ...] = ()

    @property
    def partition(self) -> str:
        return self.record.partition

    @property
    def decision(self) -> DriftDecision:
        """The night compared with the reference of the version that scored it."""
        return self.judged.drift

    @property
    def page(self) -> str:
        """Path of the HTML page, relative to the project's root."""
        return night_path(self.partition, ".html")

    @property
    def scored_at(self) -> str:
        """When the run was published, in UTC."""
        return f"{self.record.at:%Y-%m-%d %H:%M:%S} UTC" if self.record.at else "unknown"

    def headline(self) -> str:
        """The status as one sentence."""
        return self.status.headline(self.partition)

    def document(self) -> dict[str, Any]:
        """The night's document, as JSON values. Nothing reads it."""
        label = self.label
        return {
            "schema": 1,
            "name": self.record.name,
            **{name: getattr(self.record, name) for name in RUN},
            "scored_at": self.scored_at,
            "status": self.status.name,
            "incidents": self.status.incidents,
            "in_alarm": self.judged.in_alarm,
            **self.decision.document(self.limits),
            "weekday": asdict(self.judged.weekday),
            "label": None if label is None else {**asdict(label), "drifted": label.drifted},
            "broken_rules": dict(self.broken_rules),
            "performance": [dict(row) for row in self.performance],
            "page": self.page,
        }


MEASURED = (
    *("metric", "estimated", "maturity_days", "value", "low", "high", "rows", "labelled_share"),
    *("trusted", "why"),
)
"""The columns of the performance table that a document repeats."""


def overall_metrics(performance: Iterable[Row]) -> tuple[Row, ...]:
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


LOOKED_AT = 100_000
"""About how many quarantined rows are read at most."""


def count_broken_rules(store: Store, record: Run) -> Mapping[str, int]:
    """Rule -> how many rows broke it, the most frequent first."""
    # Only the visible run's files are read.
    if not record.rows_quarantined or store.visible_run(record.partition) != record.run_id:
        return {}
    counted: Counter[str] = Counter()
    rows = 0
    for batch in store.quarantine_batches(record.partition, ["broken_rules"]):
        counted.update(pc.list_flatten(batch.column(0)).to_pylist())
        rows += batch.num_rows
        if rows >= LOOKED_AT:
            break
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))
