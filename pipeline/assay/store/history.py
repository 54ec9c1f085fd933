"""Which run is or was visible: from the runs table, the active files, and older versions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.errors import NothingScored, StoreError
from assay.store.delta import log, rows
from assay.store.delta.complaints import told
from assay.store.delta.files import StagedFile, run_of
from assay.store.delta.place import Place
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, RUNS, RUNS_SCHEMA, Staged
from assay.store.runs import FACTS, RunRecord, events_of, fold, from_commit

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class VisibleRun:
    """The visible run of a partition, with exactly its files."""

    run_id: str
    predictions: tuple[StagedFile, ...]
    quarantine: tuple[StagedFile, ...]
    since: datetime | None

    @property
    def rows_scored(self) -> int:
        return sum(file.rows for file in self.predictions)

    @property
    def rows_quarantined(self) -> int:
        return sum(file.rows for file in self.quarantine)


def visible(place: Place, view: log.View, partition: str) -> str | None:
    """The id of the run whose files are active in predictions, None if there is none.

    Raises
    ------
    StoreError
        If the files belong to more than one run.
    """
    names = {run_of(file.path) for file in view.files}
    if len(names) > 1 or None in names:
        raise StoreError(
            f"{place.column}={partition} holds files that are not those of one run",
            where=place.table_uri(PREDICTIONS),
            found=", ".join(sorted(str(name) for name in names)),
            mend="Something other than assay wrote to it; score the partition again.",
        )
    return next(iter(names), None)


def visible_runs(place: Place) -> dict[str, str]:
    """The visible run of each partition, from one version of the log; see `visible_in`."""
    return visible_in(place, log.open_table(place.table_uri(PREDICTIONS)))


def visible_in(place: Place, opened: DeltaTable | None) -> dict[str, str]:
    """The visible run of each partition in the opened version of predictions."""
    files: dict[str, list[StagedFile]] = {}
    for file in [] if opened is None else log.active(opened, place.column):
        files.setdefault(file.partition, []).append(file)
    found = {night: visible(place, log.View(tuple(of)), night) for night, of in files.items()}
    return {night: run_id for night, run_id in sorted(found.items()) if run_id is not None}


def view(place: Place, table: Staged, partition: str) -> log.View:
    """A partition in the newest version of a table."""
    return log.view(log.open_table(place.table_uri(table)), place.column, partition)


def shown(place: Place, partition: str) -> VisibleRun | None:
    """The visible run; None if no run has published the partition.

    The two tables are read one after the other. If the visible run changes in between, the
    quarantine would be that of another run, so both are read again.
    """
    found = view(place, PREDICTIONS, partition)
    while True:
        run_id = visible(place, found, partition)
        if run_id is None:
            return None
        refused = view(place, QUARANTINE, partition).files
        again = view(place, PREDICTIONS, partition)
        if again == found:
            mine = tuple(file for file in refused if run_of(file.path) == run_id)
            return VisibleRun(run_id, found.files, mine, found.since)
        found = again


def published(place: Place, partition: str) -> VisibleRun:
    """The visible run.

    Raises
    ------
    NothingScored
        If no run has published the partition.
    """
    found = shown(place, partition)
    if found is None:
        raise NothingScored(
            f"no run has published {place.column}={partition}",
            where=place.uri,
            mend="Run assay score for it.",
        )
    return found


def records(
    place: Place, partition: str | None = None, run_id: str | None = None
) -> list[RunRecord]:
    """The records of runs, folded from their events; optionally of one partition or run."""
    wanted = {"partition": partition, "run_id": run_id}
    filters = {name: value for name, value in wanted.items() if value is not None}
    found = rows.select(place, RUNS, RUNS_SCHEMA, filters, FACTS)
    return fold(events_of(found.to_pylist(), place.table_uri(RUNS)))


def runs(place: Place, partition: str | None = None) -> list[RunRecord]:
    """All runs, or those of one partition; a visible run counts as published."""
    opened = log.open_table(place.table_uri(PREDICTIONS))
    files = [] if opened is None else log.active(opened, place.column, partition)
    visible_now = {run_of(file.path) for file in files}
    return [
        replace(record, event="published") if record.run_id in visible_now else record
        for record in records(place, partition)
    ]


def published_run(place: Place, partition: str) -> RunRecord | None:
    """The visible run's record: from its events, or from its commit and files if those are lost."""
    found = shown(place, partition)
    if found is None:
        return None
    known = records(place, partition, found.run_id)
    if known and known[0].event == "published":
        return known[0]
    record = known[0] if known else _from_commit(place, partition, found)
    return replace(
        record,
        event="published",
        rows_read=found.rows_scored + found.rows_quarantined,
        rows_scored=found.rows_scored,
        rows_quarantined=found.rows_quarantined,
    )


def _from_commit(place: Place, partition: str, found: VisibleRun) -> RunRecord:
    entry = commit_of(place, PREDICTIONS, partition, found.run_id)
    if entry is None:
        raise StoreError(
            f"run {found.run_id} is published, but nothing else is known of it",
            where=place.table_uri(PREDICTIONS),
        )
    return from_commit(entry, found.run_id, partition)


def commits(place: Place, table: Staged, partition: str) -> list[dict[str, Any]]:
    """The metadata of the commits to a partition, the newest first.

    Only commits that the log still keeps: see `Place.keep_days`.
    """
    uri = place.table_uri(table)
    opened = log.open_table(uri)
    with told(uri, "its history cannot be read"):
        every = [] if opened is None else opened.history()
    return [entry for entry in every if entry.get("partition") == partition]


def commit_of(place: Place, table: Staged, partition: str, run_id: str) -> dict[str, Any] | None:
    """The commit that published a run's files in a partition, None if the log has dropped it.

    A retraction that made the run visible again does not count.
    """
    for entry in commits(place, table, partition):
        if entry.get("run_id") == run_id and entry.get("event") != "retracted":
            return entry
    return None
