"""The content of a night's report: values that were decided and computed before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from assay.columns.grid import ColumnGrid
from assay.columns.profile import ColumnProfile, Profile
from assay.columns.reference import Reference
from assay.monitor.drift.drift import DriftFinding
from assay.monitor.nights.summary import NightSummary
from assay.performance.known_metrics import KnownMetric, Row, by_metric
from assay.performance.realized_metrics import metric_names
from assay.project.tasks import Task

Mark: TypeAlias = Literal["ok", "odd", "bad"]
"""Within limits; over a limit that alone decides nothing; over a limit that decides."""


@dataclass(frozen=True, slots=True)
class ColumnContent:
    """A column's counts, the reference's, and the drift decision about it.

    Attributes
    ----------
    now
        None if it was not counted.
    words
        The reason for ``standing``, for people.
    """

    name: str
    finding: DriftFinding
    grid: ColumnGrid
    before: ColumnProfile
    now: ColumnProfile | None
    standing: Mark
    words: str


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A metric's value with its interval, either of which may be missing.

    ``distrust`` says why an estimate is not to be trusted; None if it is.
    """

    value: float
    low: float | None
    high: float | None
    distrust: str | None = None


@dataclass(frozen=True, slots=True)
class MetricContent:
    """One metric over all rows, estimated and realized.

    Attributes
    ----------
    maturity_days
        The maturity of the realized value: the longest that there is.
    rows
        Labelled rows.
    """

    metric: str
    estimated: MetricValue | None = None
    realized: MetricValue | None = None
    maturity_days: int | None = None
    rows: int | None = None
    labelled_share: float | None = None


@dataclass(frozen=True, slots=True)
class ReportContent:
    """The columns and metrics of a night's page.

    Attributes
    ----------
    columns
        Crossed limits first; scores before features.
    """

    columns: tuple[ColumnContent, ...]
    performance: tuple[MetricContent, ...]


def night_content(
    summary: NightSummary, reference: Reference, task: Task, profile: Profile
) -> ReportContent:
    """The columns and metrics of a night's page.

    Parameters
    ----------
    summary
        The decision about it.
    reference, task
        Of the bundle that scored it.
    profile
        Counts of all of its scored rows.
    """
    return ReportContent(
        columns=tuple(
            column(finding, reference, profile, *_standing(finding))
            for finding in summary.decision.findings
            if finding.column in reference.grid
        ),
        performance=metric_contents(task, summary.performance),
    )


def column(
    finding: DriftFinding, reference: Reference, profile: Profile, standing: Mark, words: str
) -> ColumnContent:
    """A column with its counts."""
    name = finding.column
    return ColumnContent(
        name,
        finding,
        reference.grid[name],
        reference.profile[name],
        profile.get(name),
        standing,
        words,
    )


def _standing(finding: DriftFinding) -> tuple[Mark, str]:
    words = "; ".join(finding.reasons)
    if finding.decisive:
        return "bad", words
    if finding.crossed:
        return "odd", words
    if finding.distance is None or finding.limit is None:
        return "ok", "within its limits"
    return "ok", f"distance {finding.distance:.3f} within its limit {finding.limit:.3f}"


def metric_contents(task: Task, performance: Iterable[Row]) -> tuple[MetricContent, ...]:
    """Each metric over all rows, in the order in which its task lists them."""
    known = by_metric(performance)
    return tuple(_measured(name, known[name]) for name in metric_names(task) if name in known)


def _measured(metric: str, known: KnownMetric) -> MetricContent:
    estimated = _number(known.estimated)
    if known.matured is None:
        return MetricContent(metric, estimated)
    days, last = known.matured
    return MetricContent(
        metric, estimated, _number(last), days, last["rows"], last["labelled_share"]
    )


def _number(row: Row | None) -> MetricValue | None:
    if row is None:
        return None
    distrust = str(row["why"]) if row.get("trusted") is False else None
    return MetricValue(row["value"], row["low"], row["high"], distrust)
