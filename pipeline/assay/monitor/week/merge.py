"""Merge the counts and decisions of a week's nights into one report. Pure functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.model.prediction import score_column
from assay.monitor.drift.baselines import pool_profiles
from assay.monitor.drift.drift import DriftDecision, DriftFinding, decide
from assay.monitor.incidents.drift_incident import DriftIncident
from assay.monitor.nights.content import Mark, ReportContent, column, metric_contents
from assay.monitor.performance.known_metrics import KnownMetric, Row, by_metric
from assay.project.params import Monitor
from assay.project.tasks import HEADLINE
from assay.project.text.number_format import counted

if TYPE_CHECKING:
    from assay.monitor.judge import JudgedNight

NOTE = (
    "The counts of {nights} are merged, exactly as if they were one night. A test says whether "
    "its column was in alarm (a FAIL) or over a limit of its own on some night. Performance is the "
    "mean of the nights', weighted by rows."
)


@dataclass(frozen=True, slots=True)
class WeekNight:
    """A published night of the week, as it was judged.

    Attributes
    ----------
    alarms
        Columns in alarm that are not snoozed.
    performance
        Its known metrics on all rows.
    """

    night: JudgedNight
    alarms: Collection[str]
    performance: Sequence[Row]
    rules: Mapping[str, int]

    @property
    def partition(self) -> str:
        return self.night.record.partition


@dataclass(frozen=True, slots=True)
class WeekPart:
    """The nights of a week that one model scored.

    Attributes
    ----------
    decision
        About all their rows together. Use only its numbers: its limits are for single nights.
    over
        Column -> on how many nights it was over one of its limits.
    alarms
        Column -> on how many nights it was in alarm.
    """

    days: tuple[WeekNight, ...]
    decision: DriftDecision
    over: Mapping[str, int]
    alarms: Mapping[str, int]
    told: ReportContent

    @property
    def version(self) -> str:
        return self.days[0].night.record.version

    @property
    def bundle(self) -> str:
        return self.days[0].night.record.bundle


def merge_nights(
    week: str, days: Sequence[WeekNight], open_now: Sequence[DriftIncident], limits: Monitor
) -> WeekPart:
    """Merge nights of one bundle.

    Parameters
    ----------
    open_now
        The incidents that are open at the end of the week.
    """
    loaded = days[0].night.loaded
    reference, task = loaded.reference, loaded.manifest.task
    records = [day.night.record for day in days]
    profile = pool_profiles(day.night.profile() for day in days)
    decision = decide(reference, profile, limits, sum(r.rows_scored or 0 for r in records))
    over = Counter(
        finding.column for day in days for finding in day.night.decision.findings if finding.crossed
    )
    alarms = Counter(name for day in days for name in day.alarms)

    def standing(finding: DriftFinding) -> Mark:
        if alarms[finding.column]:
            return "bad"
        return "odd" if over[finding.column] else "ok"

    def place(finding: DriftFinding) -> tuple[object, ...]:
        score = finding.column in reference.scores
        effect = -math.inf if finding.effect is None else -finding.effect
        name = finding.column
        return -bool(alarms[name]), -bool(over[name]), not score, effect, name

    findings = sorted((f for f in decision.findings if f.column in reference.grid), key=place)
    features = [name for name in reference.grid if name not in reference.scores]
    rules: Counter[str] = Counter()
    for day in days:
        rules.update(day.rules)
    count = counted(len(days), "night")
    told = ReportContent(
        title=week,
        span="week",
        rows_read=sum(r.rows_read or 0 for r in records),
        rows_scored=decision.rows,
        rows_quarantined=sum(r.rows_quarantined or 0 for r in records),
        crossed=bool(open_now),
        reasons=tuple(incident.sentence() for incident in open_now),
        drifted=sum(bool(alarms[name]) for name in features),
        features=len(features),
        most_drifted=limits.max_drifted_share,
        columns=tuple(
            column(
                finding,
                reference,
                profile,
                standing(finding),
                describe_counts(len(days), over[finding.column], alarms[finding.column]),
            )
            for finding in findings
        ),
        score=score_column(task),
        rules=dict(sorted(rules.items(), key=lambda each: (-each[1], each[0]))),
        headline=HEADLINE[task],
        performance=metric_contents(task, means([day.performance for day in days])),
        note=NOTE.format(nights=count),
    )
    return WeekPart(tuple(days), decision, dict(over), dict(alarms), told)


def describe_counts(nights: int, over: int, alarms: int) -> str:
    """On how many nights a column was over its limits, and in alarm."""
    if not over and not alarms:
        return f"within its limits on {'all ' if nights > 1 else ''}{counted(nights, 'night')}"
    found = f"over a limit on {over or 'none'} of {nights} nights"
    return f"{found}, in alarm on {alarms}" if alarms else f"{found}, never in alarm"


def means(nights: Sequence[Sequence[Row]]) -> list[Row]:
    """The week's metrics: means over nights, weighted by rows.

    Estimate and realized value are means over the same nights, those that have both, at the longest
    maturity that all of them have reached. Before any labels arrive, the estimate is the mean over
    all nights. Means have no intervals.
    """
    known: dict[str, list[KnownMetric]] = {}
    for night in nights:
        for metric, mine in by_metric(row for row in night if row["rows"]).items():
            known.setdefault(metric, []).append(mine)
    return [row for each in known.values() for row in _means(each)]


def _means(nights: Sequence[KnownMetric]) -> Iterable[Row]:
    matured = [set(night.realized) for night in nights if night.realized]
    common: set[int] = set.intersection(*matured) if matured else set()
    last = max(common, default=None)
    realized = [night for night in nights if last is not None and last in night.realized]
    both = [night for night in realized if night.estimated is not None]
    rows = [night.estimated for night in both or nights if night.estimated is not None]
    if rows:
        # Weighted as the realized mean that it is compared with.
        yield _mean(
            rows, [night.realized[last] for night in both] if last is not None and both else rows
        )
    if last is not None:
        rows = [night.realized[last] for night in both or realized]
        yield _mean(rows, rows)


def _mean(rows: Sequence[Row], weights: Sequence[Row]) -> dict[str, Any]:
    shares = [row["rows"] for row in weights]
    total = sum(shares)

    def mean(key: str) -> float:
        each = zip(rows, shares, strict=True)
        return float(math.fsum((row[key] or 0.0) * share for row, share in each) / total)

    doubtful = [row for row in rows if row.get("trusted") is False]
    return {
        **rows[0],
        "trusted": False if doubtful else rows[0].get("trusted"),
        "why": f"on {len(doubtful)} of {len(rows)} nights" if doubtful else None,
        "value": mean("value"),
        "low": None,
        "high": None,
        "rows": total,
        "labelled_share": None if rows[0]["estimated"] else mean("labelled_share"),
    }
