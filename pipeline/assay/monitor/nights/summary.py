"""One night's answer as a value and as JSON: what a page shows and what ``status`` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

from assay.monitor.drift.baselines import NOT_COMPARED, Weekday
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.nights.standing import Stand
from assay.monitor.performance.known import by_metric
from assay.monitor.performance.label_drift import LabelDrift
from assay.project import layout
from assay.project.params import Monitor
from assay.reports.night import (
    ColumnBreak,
    ColumnFinding,
    KnownTruths,
    NightDocument,
    NightLimits,
    PerformanceNumber,
    SameWeekdays,
)


@dataclass(frozen=True, slots=True)
class NightSummary:
    """A night, the run that was judged, and the decision.

    Attributes
    ----------
    version, bundle
        Which model scored the night, and the digest of its bundle.
    scored_at
        When the run was published, ISO 8601 in UTC.
    sample_rows
        How many rows Evidently was shown; nothing was decided on them.
    page
        Path of the HTML page, relative to the project's root.
    stand
        Where the night stands, together with the nights around it.
    in_alarm
        Columns in alarm together with the nights before; None if nobody looked at them together.
    weekday
        How far the night is from the same weekdays before it; nothing is decided on it here.
    label
        How far its truths are from the reference's, once some are known; nothing is decided on it.
    broken_rules
        Rule -> how many of the refused rows that were looked at broke it.
    performance
        What was known of the model's performance on all rows when this was written: rows of the
        performance table, without what they have in common.
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
    stand: Stand
    in_alarm: tuple[str, ...] | None = None
    weekday: Weekday = NOT_COMPARED
    label: LabelDrift | None = None
    broken_rules: Mapping[str, int] = field(default_factory=dict)
    performance: tuple[Mapping[str, Any], ...] = ()

    def headline(self) -> str:
        """The answer in one sentence."""
        return self.stand.headline(self.partition)

    def reasons(self) -> tuple[str, ...]:
        """Why it stands so: what the night itself crossed, then the incidents that it lies in."""
        return (*self.decision.reasons, *self.stand.incidents)

    def document(self) -> NightDocument:
        """Everything, as it is written."""
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
            weekday=SameWeekdays(
                nights=self.weekday.nights,
                distances=self.weekday.distances,
                none=self.weekday.why_none,
            ),
            label=None if label is None else KnownTruths(**asdict(label), drifted=label.drifted),
            broken_rules=self.broken_rules,
            performance=tuple(PerformanceNumber(**row) for row in self.performance),
            sample_rows=self.sample_rows,
            page=self.page,
        )

    def to_json(self) -> str:
        """Everything, one JSON document; the same text for the same night."""
        return self.document().text()


def _finding(found: DriftFinding) -> ColumnFinding:
    breaks = tuple(ColumnBreak(**asdict(each)) for each in found.breaks)
    return ColumnFinding(**{**asdict(found), "breaks": breaks})


MEASURED = tuple(PerformanceNumber.model_fields)
"""What a document says of a number of the performance table."""


def of_all_rows(performance: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The numbers over all rows of one run, in a fixed order.

    Parameters
    ----------
    performance
        Rows of the performance table; of two of one number the later counts.
    """
    known = by_metric(performance, valued=False)
    return tuple(
        {name: row.get(name) for name in MEASURED} for each in known.values() for row in each.rows()
    )


def path(partition: str, suffix: str) -> str:
    """Where a night's page (``.html``) or document (``.json``) lies under the root."""
    return f"{layout.NIGHTS}/{quote(partition, safe=' ')}{suffix}"
