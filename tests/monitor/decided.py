"""Decisions about nights, made of a few numbers."""

from __future__ import annotations

from collections.abc import Sequence

from assay.monitor.drift.baselines import WeekdayDistances
from assay.monitor.drift.budget import Alarm, DriftTest, RaisedAlarms
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.drift.night_decision import NightDecision
from assay.store import Run


def finding(
    column: str, times: float | None = 0.5, effect: float | None = None, reasons: Sequence[str] = ()
) -> DriftFinding:
    """A column whose distance is so many times its limit; None if it cannot be compared."""
    over = times is None or times > 1
    return DriftFinding(
        column=column,
        distance=None if times is None else times / 10,
        limit=0.1,
        psi=None,
        null_share=None,
        null_share_change=None,
        null_share_limit=None,
        new_category_share=None,
        drifted=over,
        crossed=over,
        decisive=False,
        reasons=tuple(reasons),
        effect=effect,
    )


def alarm(column: str, night: str, kind: str = "features") -> Alarm:
    return Alarm(DriftTest(column, kind, "distance"), 0.001, night, "far")  # type: ignore[arg-type]


def published(partition: str = "2013-07-01", run_id: str = "run-1") -> Run:
    """The record of a run that scored 300 rows and refused 3."""
    return Run(
        run_id=run_id,
        event="published",
        partition=partition,
        name="late-flights",
        version="v0.1.0",
        bundle="sha256:" + "ab" * 32,
        contract="sha256:" + "cd" * 32,
        rows_read=303,
        rows_scored=300,
        rows_quarantined=3,
    )


def decided(
    partition: str,
    run_id: str = "r",
    reasons: Sequence[str] = (),
    findings: Sequence[DriftFinding] = (),
    alarms: Sequence[Alarm] = (),
    snoozed: Sequence[str] = (),
    quiet: int = 3,
) -> NightDecision:
    """The decision about a night; it crossed its limits if there are reasons."""
    return NightDecision(
        partition=partition,
        run_id=run_id,
        bundle="sha256:ab",
        rules="",
        drift=DriftDecision(
            crossed=bool(reasons),
            reasons=tuple(reasons),
            rows=880,
            drifted=tuple(each.column for each in findings if each.drifted),
            features=len(findings),
            quantile=0.99,
            nights=30,
            findings=tuple(findings),
        ),
        weekday=WeekdayDistances((), {}, "not compared"),
        alarms=RaisedAlarms(partition, tuple(alarms), ()),
        snoozed=tuple(snoozed),
        quiet=quiet,
    )
