"""Rows that are older than ``retention`` in params.yaml says, and what keeps some of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from assay.errors import UsageError
from assay.monitor.incidents.collect import all_nights
from assay.monitor.nights import facts
from assay.project.params import Params
from assay.project.partitions import parse_day
from assay.score.operations import store_commands
from assay.score.operations.store_commands import VacuumReport
from assay.store import Store, open_store, plans
from assay.store.retention import ExpiredRows, expire
from assay.store.vacuum import GRACE


def vacuum(
    root: Path, params: Params, keep_days: int | None = None, dry_run: bool = False
) -> VacuumReport:
    """Delete leftovers, replaced versions, and rows that are older than they may be kept.

    Parameters and errors as for `assay.score.operations.store_commands.vacuum`.
    """
    done = store_commands.vacuum(root, params, keep_days, dry_run)
    return replace(done, expired=tuple(_expire(root, params, dry_run)))


def _expire(root: Path, params: Params, dry_run: bool) -> Iterable[ExpiredRows]:
    store, today = open_store(root, params), datetime.now(UTC).date()
    if not params.retention.days or not store.partitions():
        return
    needed = _needed(root, params, store)
    for table, days in params.retention.days.items():
        yield expire(store, table, str(today - timedelta(days=days)), needed, dry_run)


def _needed(root: Path, params: Params, store: Store) -> dict[str, str]:
    """Nights whose rows somebody may still need -> what for."""
    now, records = datetime.now(UTC), store.runs()
    runs = {run.run_id: run for run in records}
    turns = store.turns(sorted({run.partition for run in records}))
    found: dict[str, str] = {}
    for run in plans.protected(store, runs, now).values():
        if run.event == "held":
            found[run.partition] = "a plan that can be applied"
    for run in records:
        waits = run.event == "held" and (run.base is None or run.base >= turns[run.partition])
        if waits:
            found[run.partition] = f"run {run.run_id}, which is held"
        elif run.event == "started" and run.at and run.at > now - GRACE:
            found[run.partition] = f"run {run.run_id}, which may be at work"
    every = all_nights(facts.load(root, store, ()))
    for incident in every.incidents:
        if incident.state != "recovered":
            for night in store.partitions():
                if incident.first <= night <= incident.last:
                    found[night] = f"incident {incident.id}, which is {incident.state}"
    for night in {*store.partitions(), *store.labelled_partitions()}:
        if because := held_because(params, night):
            found[night] = f"a hold: {because}"
    return found


def held_because(params: Params, night: str) -> str | None:
    """Why a night's rows are on hold; None if they are not."""
    day: date | None = parse_day(night)
    holds = params.retention.holds
    why = (hold.because for hold in holds if day and hold.start <= day <= hold.end)
    return next(why, None)


def check_holds(params: Params, nights: Iterable[str]) -> None:
    """Check that rows of these nights may be deleted.

    Raises
    ------
    UsageError
        One is on hold.
    """
    for night in sorted(set(nights)):
        if because := held_because(params, night):
            raise UsageError(
                f"rows of {night} are on hold",
                where="retention.holds in params.yaml",
                found=because,
                fix="Nothing was changed. End the hold there first, if it may end.",
            )
