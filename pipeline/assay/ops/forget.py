"""Delete rows of a person, and rows that are too old; say where others may be left."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from assay.errors import KeyUnknown, NothingScored, UsageError
from assay.monitor.incidents.collect import all_nights
from assay.monitor.nights import facts
from assay.performance.read_labels import read_label_file
from assay.project import layout
from assay.project.params import Params
from assay.project.partitions import parse_day
from assay.project.text import counted
from assay.registry import access
from assay.score.operations import store_commands
from assay.score.operations.export_targets import EXPORTS
from assay.score.operations.keys import by_column, some_keys
from assay.score.operations.store_commands import VacuumReport
from assay.store import Store, open_store, plans
from assay.store.delta import log
from assay.store.delta.tables import PREDICTIONS
from assay.store.exports import read_targets
from assay.store.key_rows import KeyRows
from assay.store.retention import ExpiredRows, expire
from assay.store.vacuum import GRACE


@dataclass(frozen=True)
class Left:
    """A place that Assay does not clean, and how to."""

    where: str
    how: str


@dataclass(frozen=True)
class ForgetReport:
    """What was deleted from the store, or would be.

    Attributes
    ----------
    keys, unknown
        How many were asked for, and how many of them no row of the store has.
    rows
        Table -> rows that readers saw.
    rewritten, deleted
        Files: those that were written again without the rows; those that are gone, of which the
        former version of each rewritten file is one.
    unusable
        Held and planned runs that held such rows: they cannot be released or applied any more.
    waiting
        Files that may be of a run at work and cannot be looked into.
    resumed
        Whether it completed what had been killed.
    forgotten_before
        When these keys were forgotten the last time, if they were.
    left
        Where such rows may still be.
    """

    dry_run: bool
    keys: int
    unknown: int
    rows: dict[str, int]
    nights: tuple[str, ...]
    rewritten: tuple[str, ...]
    deleted: tuple[str, ...]
    unusable: tuple[str, ...]
    waiting: tuple[str, ...]
    resumed: bool
    forgotten_before: str | None
    left: tuple[Left, ...]
    by: str
    because: str
    seconds: float


def run(
    root: Path,
    params: Params,
    given: Sequence[str],
    file: Path | None,
    because: str,
    dry_run: bool = False,
) -> ForgetReport:
    """Forget the rows of a key, or of the keys in a file.

    Parameters
    ----------
    given
        ``COLUMN=VALUE`` of the key; of some of its columns: all rows with these values.
    file
        A .csv, .jsonl or .parquet with columns of the key.

    Raises
    ------
    UsageError
        The keys are not those of the predictions, there is no reason, or a night is on hold.
    NotAllowed
        The person may not forget.
    KeyUnknown
        No row of the store has any of them, and they were not forgotten before.
    StoreError
        A table is another engine's by now, or a file cannot be read or written.
    """
    started = time.monotonic()
    by = access.require_with_reason(root, "forget", because)
    store = open_store(root, params)
    keys = _read_keys(store, given, file)
    before = [act for act in store.forget_acts() if act.done is not None and act.covers(keys)]
    done = store.forget(
        keys, by, because.strip(), dry_run, lambda nights: check_holds(params, nights)
    )
    if not done.deleted and not done.resumed and not before:
        raise KeyUnknown(
            "no row of the store has " + ("this key" if len(keys.texts) == 1 else "these keys"),
            where=store.uri,
            expected=f"values of {', '.join(keys.columns)} as predictions have them",
            fix="Nothing was changed.",
        )
    nights = tuple(sorted(done.nights))
    # What an earlier act deleted is not known any more.
    exported = None if done.resumed or before else sorted(done.touched)
    return ForgetReport(
        dry_run=dry_run,
        keys=len(keys.texts),
        unknown=len(keys.texts) - len(done.known),
        rows=dict(sorted(done.rows.items())),
        nights=nights,
        rewritten=tuple(sorted(done.rewritten)),
        deleted=tuple(sorted(done.deleted)),
        unusable=tuple(sorted(done.unusable)),
        waiting=tuple(sorted(done.waiting)),
        resumed=done.resumed,
        forgotten_before=f"{before[-1].at:%Y-%m-%d %H:%M} UTC" if before else None,
        left=(*_half_written(done.waiting), *_left(root, params, store, nights, exported)),
        by=by,
        because=because.strip(),
        seconds=round(time.monotonic() - started, 3),
    )


def _read_keys(store: Store, given: Sequence[str], file: Path | None) -> KeyRows:
    if bool(given) == (file is not None):
        raise UsageError(
            "say whose rows", where="assay forget", expected="--key or --keys FILE, one of them"
        )
    if log.open_table(store.table_uri(PREDICTIONS)) is None:
        raise NothingScored("no night has been published yet", where=store.uri)
    schema, column = store.prediction_schema(), store.column
    if file is not None:
        return some_keys(read_label_file(file, "--keys").to_pylist(), str(file), schema, column)
    return some_keys([by_column(given, schema, column)], "assay forget --key", schema, column)


def _half_written(files: Iterable[str]) -> Iterator[Left]:
    for file in sorted(files):
        yield Left(
            f"{file}, half-written by a command at work or killed: such rows may be in it",
            "assay vacuum deletes it once it is "
            f"{counted(GRACE // timedelta(hours=1), 'hour')} old, and so does assay forget",
        )


def _left(
    root: Path, params: Params, store: Store, nights: Sequence[str], exported: Sequence[str] | None
) -> Iterator[Left]:
    """Every place that there is, in the order in which to go through them."""
    yield Left(
        "score.input in params.yaml",
        "delete the rows at their source: a night that is scored again has them again",
    )
    every = (layout.RAW, layout.CHECKED, layout.PREPARED)
    data = [path for path in every if (root / path).exists()]
    if data or (root / ".dvc").exists():
        yield Left(
            f"{', '.join(data) or 'data/'}, models/ and DVC's cache and remote, if the rows "
            "were trained on",
            "delete them at their source, dvc repro, promote, then dvc gc --workspace --cloud",
        )
    pages = [path for path in (layout.NIGHTS, "reports/plan", EXPORTS) if (root / path).exists()]
    if pages:
        yield Left(
            f"{', '.join(pages)}: pages and files that were written before",
            f"rm -r {shlex.join(pages)}, then assay monitor and assay export as before",
        )
    for target in read_targets(store, exported):
        got = "may have given" if exported is None else "gave"
        yield Left(f"{target}, which assay export {got} such a night", "delete the rows there")
    if (root / ".git").exists():
        yield Left(
            "git's history, if somebody committed such rows",
            "git log --all -S VALUE finds them, git filter-repo --replace-text FILE removes them",
        )
    if "://" in store.uri:
        yield Left(
            f"{store.uri}: versions of deleted objects, if the bucket keeps them",
            "a lifecycle rule that expires noncurrent versions",
        )
    yield Left("backups and snapshots of the store", "as they are made, or let them expire")
    yield Left(
        f"counts of {counted(len(nights), 'night')}: runs, profiles and performance stay as they "
        "are, the rows among them",
        "assay score --force of the night counts anew",
    )


# ------------------------------------------- rows that are older than retention in params.yaml says


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
    needed: dict[str, str] = {}
    for run in plans.protected(store, runs, now).values():
        if run.event == "held":
            needed[run.partition] = "a plan that can be applied"
    for run in records:
        waits = run.event == "held" and (run.base is None or run.base >= turns[run.partition])
        if waits:
            needed[run.partition] = f"run {run.run_id}, which is held"
        elif run.event == "started" and run.at and run.at > now - GRACE:
            needed[run.partition] = f"run {run.run_id}, which may be at work"
    every = all_nights(facts.load(root, store, ()))
    for incident in every.incidents:
        if incident.state != "recovered":
            for night in store.partitions():
                if incident.first <= night <= incident.last:
                    needed[night] = f"incident {incident.id}, which is {incident.state}"
    for night in {*store.partitions(), *store.labelled_partitions()}:
        if because := held_because(params, night):
            needed[night] = f"a hold: {because}"
    return needed


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
