"""Which run is or was visible: from the runs table, the active files, and older versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.errors import NothingScored, StoreError
from assay.project.partitions import parse_day
from assay.store.delta import commits, log, rows
from assay.store.delta.location import StagedFile, StoreLocation, parse_run_id, translate_errors
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, RUNS, Staged, to_rows
from assay.store.runs import (
    EVENTS,
    FACTS,
    Run,
    fold,
    parse_events,
)

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


def visible_run_id(place: StoreLocation, view: log.PartitionView, partition: str) -> str | None:
    """The id of the run whose files are active in predictions, None if there is none.

    Raises
    ------
    StoreError
        If the files belong to more than one run.
    """
    names = {parse_run_id(file.path) for file in view.files}
    if len(names) > 1 or None in names:
        raise StoreError(
            f"{place.column}={partition} holds files that are not those of one run",
            where=place.table_uri(PREDICTIONS),
            found=", ".join(sorted(str(name) for name in names)),
            fix="Something other than assay wrote to it; score the partition again.",
        )
    return next(iter(names), None)


def visible_runs(place: StoreLocation) -> dict[str, str]:
    """The visible run of each partition, from one version of the log; see `visible_runs_in`."""
    uri = place.table_uri(PREDICTIONS)
    opened = log.open_table(uri)
    return dict(log.keep(uri, opened, "visible runs", lambda: visible_runs_in(place, opened)))


def visible_runs_in(place: StoreLocation, opened: DeltaTable | None) -> dict[str, str]:
    """The visible run of each partition in the opened version of predictions."""
    files: dict[str, list[StagedFile]] = {}
    for file in [] if opened is None else log.partition_files(opened, place.column):
        files.setdefault(file.partition, []).append(file)
    visible = {
        night: visible_run_id(place, log.PartitionView(tuple(of)), night)
        for night, of in files.items()
    }
    return {night: run_id for night, run_id in sorted(visible.items()) if run_id is not None}


def read_partition_view(
    place: StoreLocation, table: Staged, partition: str, turns: bool = True
) -> log.PartitionView:
    """A partition in the newest version of a table; see `read_partition_views`."""
    return read_partition_views(place, table, [partition], turns)[partition]


def read_partition_views(
    place: StoreLocation, table: Staged, partitions: Sequence[str], turns: bool = True
) -> Mapping[str, log.PartitionView]:
    """Partitions in the newest version of a table.

    Parameters
    ----------
    turns
        Whether to look up turns; else they are 0, as in every table but predictions.
    """
    turns = turns and table == PREDICTIONS  # only its commits change what readers see
    return log.read_partition_views(place.table_uri(table), place.column, partitions, turns)


def find_visible_run(place: StoreLocation, partition: str) -> VisibleRun | None:
    """The visible run; None if no run has published the partition.

    The two tables are read one after the other. If the visible run changes in between, the
    quarantine would be that of another run, so both are read again.
    """
    view = read_partition_view(place, PREDICTIONS, partition, turns=False)
    while True:
        run_id = visible_run_id(place, view, partition)
        if run_id is None:
            return None
        refused = read_partition_view(place, QUARANTINE, partition).files
        again = read_partition_view(place, PREDICTIONS, partition, turns=False)
        if again == view:
            mine = tuple(file for file in refused if parse_run_id(file.path) == run_id)
            return VisibleRun(run_id, view.files, mine, view.since)
        view = again


def require_visible_run(place: StoreLocation, partition: str) -> VisibleRun:
    """The visible run.

    Raises
    ------
    NothingScored
        If no run has published the partition.
    """
    run = find_visible_run(place, partition)
    if run is None:
        raise NothingScored(
            f"no run has published {place.column}={partition}",
            where=place.uri,
            fix="Run assay score for it."
            if parse_day(partition)
            else "A night is called by its first day, such as 2013-07-02.",
        )
    return run


def visible_files(place: StoreLocation, table: Staged) -> tuple[StagedFile, ...]:
    """The files of all partitions' visible runs in a table.

    If a visible run changes while they are looked up, they are looked up again.
    """
    while True:
        shown = visible_runs(place)
        opened = log.open_table(place.table_uri(table))
        files = [] if opened is None else log.partition_files(opened, place.column)
        mine = (file for file in files if parse_run_id(file.path) == shown.get(file.partition))
        kept = tuple(mine)
        if visible_runs(place) == shown:
            return kept


def read_run_records(
    place: StoreLocation,
    partition: str | Sequence[str] | None = None,
    run_id: str | None = None,
) -> list[Run]:
    """The records of runs, folded from their events; optionally of some partitions or one run."""
    uri = place.table_uri(RUNS)
    wanted = {"partition": partition, "run_id": run_id}
    filters = {name: value for name, value in wanted.items() if value is not None}
    if filters:
        return _folded(place, filters)
    return list(log.keep(uri, log.open_table(uri), "records", lambda: _folded(place, {})))


def require_owner(place: StoreLocation) -> None:
    """Refuse a store that belongs to another model than the project's.

    It belongs to the model that made its table of runs; of a store from before tables had a name,
    to the model of its first run.

    Raises
    ------
    StoreOfAnother
        It belongs to another model. Nothing of it was changed.
    """
    opened = log.open_table(place.table_uri(RUNS))
    owner = None if opened is None else opened.metadata().name
    if opened is not None and owner is None:
        events = rows.select(place, RUNS, {}, ["at", "name"]).sort_by("at")
        owner = events["name"][0].as_py() if events.num_rows else None
    commits.require_model(place, owner)


def _folded(place: StoreLocation, filters: Mapping[str, str | Sequence[str]]) -> list[Run]:
    return fold(_events(place, filters))


def _events(place: StoreLocation, filters: Mapping[str, str | Sequence[str]]) -> list[Run]:
    events = rows.select(place, RUNS, filters, FACTS)
    return parse_events(to_rows(events), place.table_uri(RUNS))


def read_run_events(place: StoreLocation, partition: str) -> list[Run]:
    """The events of a partition's runs, by their time."""
    # Of events at one instant, the one that can only come later is the later one.
    return sorted(
        _events(place, {"partition": partition}),
        key=lambda event: (event.at, EVENTS.index(event.event)),
    )


def read_runs(place: StoreLocation, partition: str | Sequence[str] | None = None) -> list[Run]:
    """All runs, or those of one partition or several, in order of start.

    A run whose rows are in the predictions table counts as published, even if it died before it
    recorded that. A published run may have been replaced since.
    """
    opened = log.open_table(place.table_uri(PREDICTIONS))
    files = [] if opened is None else log.partition_files(opened, place.column, partition)
    visible_now = {parse_run_id(file.path) for file in files}
    return [
        replace(record, event="published")
        if record.run_id in visible_now and record.event != "published"
        else record
        for record in read_run_records(place, partition)
    ]


def published_run(place: StoreLocation, partition: str) -> Run | None:
    """The visible run of a partition, None if there is none.

    Its id and row counts are read from the tables' files; the rest comes from the run's events, or
    from its commit if those are lost.
    """
    visible = find_visible_run(place, partition)
    if visible is None:
        return None
    known = read_run_records(place, partition, visible.run_id)
    if known and known[0].event == "published":
        return known[0]
    record = known[0] if known else _from_commit(place, partition, visible)
    if known and not record.input:
        # The event of its end is lost, and when it started nobody had looked at its input yet.
        entry = commit_of(place, PREDICTIONS, partition, visible.run_id) or {}
        record = replace(record, input=str(entry.get("input", "")))
    return replace(
        record,
        event="published",
        rows_read=visible.rows_scored + visible.rows_quarantined,
        rows_scored=visible.rows_scored,
        rows_quarantined=visible.rows_quarantined,
    )


def published_runs(place: StoreLocation, partitions: Sequence[str]) -> list[Run]:
    """The records of the visible runs of some partitions, in order, from one scan of the events."""
    opened = log.open_table(place.table_uri(PREDICTIONS))
    files = [] if opened is None else log.partition_files(opened, place.column, partitions)
    visible = {file.partition: parse_run_id(file.path) for file in files}
    if not visible:
        return []
    known = {record.run_id: record for record in read_runs(place, list(visible))}
    runs = []
    for night, run_id in sorted(visible.items()):
        record = known.get(run_id or "")
        if record is None or record.rows_scored is None:
            record = published_run(place, night)  # no event left: rebuilt from the data files
        if record is not None:
            runs.append(record)
    return runs


def _from_commit(place: StoreLocation, partition: str, visible: VisibleRun) -> Run:
    entry = commit_of(place, PREDICTIONS, partition, visible.run_id)
    if entry is None:
        raise StoreError(
            f"run {visible.run_id} is published, but nothing else is known of it",
            where=place.table_uri(PREDICTIONS),
        )
    return Run.of_commit(entry, visible.run_id, partition)


def partition_commits(place: StoreLocation, table: Staged, partition: str) -> list[dict[str, Any]]:
    """The metadata of the commits to a partition, the newest first.

    Only commits that the log still keeps: see `Place.keep_days`.
    """
    uri = place.table_uri(table)
    opened = log.open_table(uri)
    with translate_errors(uri, "its history cannot be read"):
        every = [] if opened is None else opened.history()
    stated = (commits.facts_of(entry, partition) for entry in every)
    return [facts for facts in stated if facts is not None]


def commit_of(
    place: StoreLocation, table: Staged, partition: str, run_id: str
) -> dict[str, Any] | None:
    """The commit that published a run's files in a partition, None if the log has dropped it.

    A retraction that made the run visible again does not count.
    """
    for entry in partition_commits(place, table, partition):
        if entry.get("run_id") == run_id and entry.get("event") != "retracted":
            return entry
    return None
