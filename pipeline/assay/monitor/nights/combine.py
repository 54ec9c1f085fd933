"""Combine the runs, decisions and metrics of all nights into one `Night` each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.nights.night import Night, NightMetric
from assay.monitor.nights.night_status import UNPUBLISHED, NightState
from assay.performance.known_metrics import KnownMetric, Row, by_metric
from assay.project.partitions import missing_dates
from assay.project.tasks import HEADLINE
from assay.score.due import UNDECIDED, WITHOUT_INPUT
from assay.store import Run

WITHOUT: Mapping[str, NightState] = {
    "held": "held",
    "failed": "failed",
    "retracted": "retracted",
    # The run was published, then replaced, and its replacement was retracted.
    "published": "retracted",
    "started": "unfinished",
}
"""Last event of a night's runs -> the state of a night without a published run."""

READ = (
    *("run_id", "metric", "slice", "maturity_days", "estimated", "trusted"),
    *("value", "low", "high", "at"),
)
"""The columns of the performance table that a `Night` is made of, beside the partition."""


def nights(
    records: Iterable[Run],
    visible: Mapping[str, str],
    decisions: Mapping[str, NightDecision],
    performance: Iterable[Mapping[str, Any]] = (),
    pages: frozenset[str] = frozenset(),
) -> list[Night]:
    """All nights in order, including days that the schedule skipped.

    Parameters
    ----------
    records
        All runs, ordered by start.
    visible
        Night -> its published run.
    performance
        Rows of the performance table.
    pages
        The nights that have an HTML page.
    """
    runs: dict[str, list[Run]] = defaultdict(list)
    for record in records:
        runs[record.partition].append(record)
    named = fill_missing_dates({*runs, *visible, *decisions})
    measured = by_night(performance, visible)
    return [
        _with_drift(
            _night(name, runs.get(name, []), visible.get(name)),
            decisions.get(name),
            measured.get(name, {}),
            name in pages,
        )
        for name in named
    ]


def fill_missing_dates(names: Iterable[str]) -> list[str]:
    """Sort the nights; if all are dates, add the missing dates between them."""
    known = sorted(names)
    try:
        days = [date.fromisoformat(name) for name in known]
    except ValueError:
        return known
    return sorted([*known, *map(str, missing_dates(days))])


def _night(partition: str, runs: Sequence[Run], seen: str | None) -> Night:
    latest = _latest(runs)
    waits = latest if latest and latest.event == "held" and latest.run_id != seen else None
    held = waits.run_id if waits else ""
    refused = waits is not None and bool(waits.rows_quarantined)
    if seen is None:
        if latest is None:
            return Night(partition, "missing")
        return Night(
            partition,
            _state(latest),
            run_id=latest.run_id,
            version=latest.version,
            rows_read=latest.rows_read,
            rows_scored=latest.rows_scored,
            rows_quarantined=latest.rows_quarantined,
            note=_note(latest),
            held=held,
            held_refused=refused,
        )
    record = next((run for run in runs if run.run_id == seen), None)
    later = latest is not None and latest.run_id != seen and WITHOUT[latest.event] in UNPUBLISHED
    note = f"a later run, {latest.run_id}: {_note(latest)}" if latest and later else ""
    if record is None:
        return Night(
            partition, "published", run_id=seen, note=note, held=held, held_refused=refused
        )
    return Night(
        partition,
        "published",
        run_id=seen,
        version=record.version,
        published_at=f"{record.at:%Y-%m-%d %H:%M} UTC" if record.at else "",
        rows_read=record.rows_read,
        rows_scored=record.rows_scored,
        rows_quarantined=record.rows_quarantined,
        note=note,
        decision=_decision(record),
        held=held,
        held_refused=refused,
    )


def _state(latest: Run) -> NightState:
    """Of a night whose last run published nothing."""
    absent = latest.event == "failed" and WITHOUT_INPUT in latest.detail
    return "absent" if absent else WITHOUT[latest.event]


def _latest(runs: Sequence[Run]) -> Run | None:
    """The run that was begun last; one that was taken back since, if that came to no scores."""
    if not runs or runs[-1].event not in UNDECIDED:
        return runs[-1] if runs else None
    ended = runs[-1].at
    later = (run for run in runs if run.at and ended and run.at > ended)
    return next((run for run in later if run.event == "retracted"), runs[-1])


def _decision(run: Run) -> str:
    """Who decided that a published run is published, and why; empty if nobody had to."""
    if not run.by:
        return ""
    did = "repaired" if run.carrier == "replay" else "released"
    held = f" ({run.detail})" if run.detail else ""
    return f"{did} by {run.by}: {run.because or 'no reason given'}{held}"


def _note(run: Run) -> str:
    if run.event == "retracted":
        return f"taken back by {run.by or 'nobody knows whom'}: {run.because or 'no reason given'}"
    if _state(run) == "absent":
        return run.detail[run.detail.index(WITHOUT_INPUT) :]
    words = {"started": "started and never ended", "published": "replaced, then taken back"}
    return f"{words.get(run.event, run.event)}{f': {run.detail}' if run.detail else ''}"


def _with_drift(
    night: Night, judged: NightDecision | None, measured: Mapping[bool, NightMetric], page: bool
) -> Night:
    unseen = ""
    if judged is not None and judged.run_id != night.run_id:
        # The decision is about a run that is no longer the published one.
        unseen = f"monitored as run {judged.run_id} left it; monitor it again"
        judged = None
    return replace(
        night,
        judged=judged,
        unseen=unseen,
        estimated=measured.get(True),
        realized=measured.get(False),
        page=page,
    )


def headline_metric(measured: Iterable[str]) -> str | None:
    """The headline metric: the first of `HEADLINE` that was measured; None if nothing was.

    Parameters
    ----------
    measured
        The names of the metrics that were measured over all rows.
    """
    found = set(measured)
    return next((name for name in HEADLINE.values() if name in found), min(found, default=None))


def by_night(
    performance: Iterable[Mapping[str, Any]], visible: Mapping[str, str]
) -> dict[str, dict[bool, NightMetric]]:
    """Night -> {is an estimate: headline metric over all rows of the published run}.

    The longest maturity counts; if one was computed several times, the last result does.
    """
    every = sorted(performance, key=lambda row: row["at"])
    metric = headline_metric(str(row["metric"]) for row in every if not row["slice"])
    mine: dict[str, list[Row]] = defaultdict(list)
    for row in every:
        if row["metric"] == metric and visible.get(row["partition"]) == row["run_id"]:
            mine[row["partition"]].append(row)
    found: dict[str, dict[bool, NightMetric]] = {}
    for partition, rows in mine.items():
        known = by_metric(rows).get(metric or "", KnownMetric())
        shown = {True: (0, known.estimated), False: known.matured or (0, None)}
        found[partition] = {
            estimated: NightMetric(
                row["value"], row["low"], row["high"], days, row.get("trusted") is not False
            )
            for estimated, (days, row) in shown.items()
            if row is not None
        }
    return found
