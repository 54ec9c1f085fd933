"""The content of a night's report: values that were decided and computed before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from assay.columns.grid import ColumnGrid
from assay.columns.profile import ColumnProfile, Profile
from assay.columns.reference import Reference
from assay.model.prediction import score_column
from assay.monitor.drift.drift import DriftFinding, drifted_words
from assay.monitor.nights.summary import NightSummary
from assay.monitor.performance.known_metrics import KnownMetric, Row, by_metric
from assay.monitor.performance.realized_metrics import metric_names
from assay.project.tasks import HEADLINE, Task

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
    """The content of a report.

    Attributes
    ----------
    title
        The night, such as ``2013-09-02``.
    crossed, reasons
        The command's decision.
    drifted, features
        How many features drifted, of how many.
    most_drifted
        The share of features that may drift on a night.
    in_alarm
        How many features were in alarm by the false-alarm budget; None if unknown.
    columns
        Crossed limits first; scores before features.
    score
        The numeric column by which scores are monitored.
    rules
        Rule -> how many quarantined rows broke it.
    headline
        The metric that summarises the model's performance.
    """

    title: str
    rows_read: int
    rows_scored: int
    rows_quarantined: int
    crossed: bool
    reasons: tuple[str, ...]
    drifted: int
    features: int
    most_drifted: float
    columns: tuple[ColumnContent, ...]
    score: str
    rules: Mapping[str, int]
    headline: str
    performance: tuple[MetricContent, ...]
    in_alarm: int | None = None

    @property
    def drifted_words(self) -> str:
        """How many features drifted, in words."""
        return drifted_words(self.drifted, self.features, self.most_drifted)

    @property
    def drifted_share(self) -> float | None:
        """Share of the features; None without any."""
        return self.drifted / self.features if self.features else None

    @property
    def alarm_share(self) -> float | None:
        """Share of the features; None if unknown, or without any."""
        if self.in_alarm is None or not self.features:
            return None
        return self.in_alarm / self.features

    @property
    def quarantine_share(self) -> float | None:
        """Share of the rows read; None if none was."""
        return self.rows_quarantined / self.rows_read if self.rows_read else None

    @property
    def score_column(self) -> ColumnContent | None:
        """The column of the scores."""
        return next((column for column in self.columns if column.name == self.score), None)

    @property
    def headline_metric(self) -> MetricContent:
        """The headline metric."""
        found = (each for each in self.performance if each.metric == self.headline)
        return next(found, MetricContent(self.headline))


def night_content(
    summary: NightSummary,
    reference: Reference,
    task: Task,
    profile: Profile,
    performance: Iterable[Row] | None = None,
) -> ReportContent:
    """The content of a night's report.

    Parameters
    ----------
    summary
        The decision about it.
    reference, task
        Of the bundle that scored it.
    profile
        Counts of all of its scored rows.
    performance
        Its known metrics, if there are more than ``summary`` holds.
    """
    decision = summary.decision
    return ReportContent(
        title=summary.partition,
        rows_read=summary.rows_read,
        rows_scored=summary.rows_scored,
        rows_quarantined=summary.rows_quarantined,
        crossed=decision.crossed,
        reasons=decision.reasons,
        drifted=len(decision.drifted),
        features=decision.features,
        most_drifted=summary.limits.max_drifted_share,
        columns=tuple(
            column(finding, reference, profile, *_standing(finding))
            for finding in decision.findings
            if finding.column in reference.grid
        ),
        score=score_column(task),
        rules=summary.broken_rules,
        headline=HEADLINE[task],
        performance=metric_contents(
            task, summary.performance if performance is None else performance
        ),
        in_alarm=_in_alarm(summary, reference),
    )


def _in_alarm(summary: NightSummary, reference: Reference) -> int | None:
    if summary.in_alarm is None:
        return None
    return sum(name in reference.grid and name not in reference.scores for name in summary.in_alarm)


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
