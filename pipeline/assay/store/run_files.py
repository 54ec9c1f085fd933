"""The files of any run of a night (visible, replaced since, held, or planned), and some rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from assay.errors import NothingScored, RunUnknown, StoreError, UsageError
from assay.store import history
from assay.store.delta import log, rows
from assay.store.delta.location import StagedFile, StoreLocation
from assay.store.delta.tables import PLANS, PREDICTIONS, QUARANTINE
from assay.store.history import (
    partition_commits,
    read_partition_view,
    read_run_records,
    read_runs,
    visible_run_id,
)
from assay.store.plans import read_plans
from assay.store.publish import find_missing_files
from assay.store.release import read_held_run
from assay.store.runs import Run, format_runs, from_json


@dataclass(frozen=True)
class RunFiles:
    """A run with its files of predictions, and their columns.

    ``place`` is where they are, if not in the store.
    """

    run: Run
    files: tuple[StagedFile, ...]
    schema: pa.Schema
    place: StoreLocation | None = None

    def batches(
        self, place: StoreLocation, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Its rows, as `assay.store.Store.prediction_batches` reads those of the visible run."""
        return rows.batches(self.place or place, PREDICTIONS, self.files, columns)


def files_of_run(place: StoreLocation, run: Run) -> RunFiles:
    """The files of a run.

    Those that readers see are not looked at here: nothing takes them away, so who reads one that is
    damaged is told which.

    Raises
    ------
    RunUnknown
        Files of another run are gone, or the log does not go back to when readers saw it.
    """
    staged = None
    if run.event == "planned":
        staged = from_json(run, place.table_uri(PLANS))
    elif run.event == "held":
        staged = read_held_run(place, run.run_id)
    if staged is not None:
        return _checked(place, run, staged.predictions, staged.predictions_schema)
    view = read_partition_view(place, PREDICTIONS, run.partition)
    if visible_run_id(place, view, run.partition) == run.run_id:
        return RunFiles(run, view.files, log.schema_of(place.table_uri(PREDICTIONS)))
    commits = partition_commits(place, PREDICTIONS, run.partition)
    mine = [entry["version"] for entry in commits if entry.get("run_id") == run.run_id]
    view = _view_at(place, run.partition, mine[0]) if mine else log.PartitionView()
    return _checked(place, run, view.files)


def run_of_version(place: StoreLocation, partition: str, version: str) -> RunFiles:
    """The newest run of a night by a version, other than the visible one, whose files exist.

    Raises
    ------
    RunUnknown
        The version never scored the night, or all its files are gone.
    """
    shown = visible_run_id(place, read_partition_view(place, PREDICTIONS, partition), partition)
    known = [run for run in read_runs(place, partition) if run.event in ("held", "published")]
    applied = {run.run_id for run in known}
    planned = [each.run for each in read_plans(place, partition=partition)]
    done = [*known, *(run for run in planned if run.run_id not in applied)]
    done.sort(key=lambda run: (str(run.started_at), run.run_id))
    gone: RunUnknown | None = None
    for run in reversed(done):
        if run.version == version and run.run_id != shown:
            try:
                return files_of_run(place, run)
            except RunUnknown as error:
                gone = gone or error
    only = any(run.version == version for run in done)
    others = dict.fromkeys(run.version for run in done if run.run_id != shown)
    raise gone or RunUnknown(
        f"{version} has no run of the night but the one that readers see"
        if only
        else f"there is no run of {version}",
        where=f"{place.column}={partition}",
        expected=f"a version of its other runs: {', '.join(others) or 'there are none'}",
    )


def run_at_turn(place: StoreLocation, partition: str, turn: int) -> RunFiles:
    """The run that readers saw at a turn of a night: see `assay.store.Store.turn`.

    Raises
    ------
    UsageError
        The night never had the turn.
    NothingScored
        Readers saw nothing then.
    RunUnknown
        Files of it are gone, or the log does not go back that far.
    """
    where = f"{place.column}={partition}"
    newest = read_partition_view(place, PREDICTIONS, partition).turn
    if not 1 <= turn <= newest:
        raise UsageError(
            "the night has no such turn",
            where=where,
            expected=f"1 to {newest}: it grows each time that what readers see changes",
            found=str(turn),
        )
    entry: dict[str, Any] = {}
    view = log.PartitionView()
    for entry in partition_commits(place, PREDICTIONS, partition)[newest - turn :][:1]:
        view = _view_at(place, partition, entry["version"])
    if turn == newest:  # rows of it may have been forgotten since
        view = read_partition_view(place, PREDICTIONS, partition)
    if view.turn == turn and not view.files:
        raise NothingScored(f"readers saw nothing at turn {turn}", where=where)
    run_id = visible_run_id(place, view, partition) or f"of turn {turn}"
    known = read_run_records(place, partition, run_id)
    return _checked(
        place, known[0] if known else Run.of_commit(entry, run_id, partition), view.files
    )


def _view_at(place: StoreLocation, partition: str, version: int) -> log.PartitionView:
    try:
        opened = log.open_table(place.table_uri(PREDICTIONS), version)
    except StoreError:  # the log tells of a version for longer than it can be opened
        return log.PartitionView()
    return log.partition_view(opened, place.column, partition)


def _checked(
    place: StoreLocation, run: Run, files: Sequence[StagedFile], schema: pa.Schema | None = None
) -> RunFiles:
    uri = place.table_uri(PREDICTIONS)
    if (lost := find_missing_files(uri, files)) or not files:
        raise files_gone(place, run, lost)
    return RunFiles(run, tuple(files), log.schema_of(uri) if schema is None else schema)


def files_gone(place: StoreLocation, run: Run, lost: Sequence[StagedFile]) -> RunUnknown:
    """That files of a run that readers do not see are gone or damaged, and what deletes some."""
    return RunUnknown(
        "files of the run are not there any more, or not whole",
        where=f"{place.column}={run.partition}, run {run.run_id}",
        found=lost[0].path if lost else None,
        fix="assay vacuum deletes what was replaced longer ago than publish.keep_days says, "
        "assay forget what held a row of its keys.",
    )


# ------------------------------- rows of a run: a sample of what it scored, and what it quarantined
#
# The sample is random, seeded, and of bounded cost. Up to `POOL` rows, every row has the same
# probability. A larger partition is not read completely: its row groups are shuffled by the seed,
# and rows are drawn from the first groups that together hold up to `POOL` rows.


POOL = 1_000_000
"""Above this number of rows, only some of the row groups are read."""
FILES = 64
"""Limit of files whose footers are read, for partitions of thousands of files."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RowSample:
    """A sample of one run's rows.

    Attributes
    ----------
    run_id
        The run.
    table
        The rows, in the order of the partition.
    spans
        The row groups that were sampled, each as (first row, row after the last), counted over all
        rows of the partition in the order of its files.
    """

    run_id: str
    table: pa.Table
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    file: StagedFile
    number: int
    start: int
    rows: int


def draw_sample(
    place: StoreLocation,
    run_id: str,
    files: Sequence[StagedFile],
    columns: Sequence[str],
    most: int,
    seed: int,
) -> RowSample:
    """At most ``most`` rows of the predictions in ``files``."""
    random = np.random.default_rng(seed)
    pool = _pool(_groups(place, files, random), random)
    among = sum(group.rows for group in pool)
    chosen = np.arange(among)
    if among > most:
        chosen = np.sort(random.choice(among, most, replace=False))
    wanted: dict[str, list[int]] = {}
    for group in pool:
        wanted.setdefault(group.file.path, []).append(group.number)
    held = [file for file in sorted(files, key=lambda file: file.path) if file.path in wanted]
    parts, seen = [], 0
    for batch in rows.batches(place, PREDICTIONS, held, columns, wanted):
        first, end = np.searchsorted(chosen, [seen, seen + batch.num_rows])
        parts.append(batch.take(pa.array(chosen[first:end] - seen)))
        seen += batch.num_rows
    whole = log.schema_of(place.table_uri(PREDICTIONS))
    schema = pa.schema([whole.field(name) for name in columns])
    spans = tuple((group.start, group.start + group.rows) for group in pool)
    return RowSample(run_id, pa.Table.from_batches(parts, schema), spans)


def _groups(
    place: StoreLocation, files: Sequence[StagedFile], random: np.random.Generator
) -> list[_Group]:
    """The row groups of all files, or of at most `FILES` of them, in the partition's order."""
    ordered = sorted(files, key=lambda file: file.path)
    starts = [0, *accumulate(file.rows for file in ordered)]
    looked = range(len(ordered))
    if len(ordered) > FILES:
        looked = np.sort(random.permutation(len(ordered))[:FILES]).tolist()
    groups = []
    for at in looked:
        start = starts[at]
        for number, count in enumerate(rows.row_group_sizes(place, PREDICTIONS, ordered[at])):
            groups.append(_Group(ordered[at], number, start, count))
            start += count
    return groups


def _pool(groups: list[_Group], random: np.random.Generator) -> list[_Group]:
    """All row groups, or the first ones in the shuffled order, in the partition's order."""
    if sum(group.rows for group in groups) <= POOL:
        return groups
    taken: list[int] = []
    held = 0
    for at in random.permutation(len(groups)):
        if taken and held + groups[at].rows > POOL:
            break
        taken.append(int(at))
        held += groups[at].rows
    return [groups[at] for at in sorted(taken)]


@dataclass(frozen=True)
class RunQuarantine:
    """A run that is ``published`` or ``held``, and its quarantine files."""

    run: Run
    files: tuple[StagedFile, ...]

    def batches(
        self, place: StoreLocation, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Its rows, a batch at a time."""
        return rows.batches(place, QUARANTINE, self.files, columns)


def find_quarantine(
    place: StoreLocation, partition: str | None, run_id: str | None = None
) -> RunQuarantine:
    """The quarantine of one run, or of the newest published or held run of a partition.

    Parameters
    ----------
    partition
        None if ``run_id`` determines it.

    Raises
    ------
    NothingScored
        No run of the partition is published or held.
    RunUnknown
        There is no such run, it is neither published nor held, or its files are gone.
    """
    if run_id is not None:
        known = history.read_run_records(place, partition, run_id)
        if not known:
            raise _unknown(f"there is no run {run_id}", place, history.read_runs(place, partition))
        partition = known[0].partition
    assert partition is not None, "the command line asks for one or the other"
    every = history.read_runs(place, partition)
    seen = history.published_run(place, partition)
    kept = [run for run in every if run.event == "held" and (seen is None or _after(run, seen))]
    kept = ([] if seen is None else [seen]) + kept
    if run_id is not None:
        kept = [run for run in every if run.event == "held"] + ([] if seen is None else [seen])
        kept = [run for run in kept if run.run_id == run_id]
        if not kept:
            words = f"run {run_id} is neither held nor what readers see"
            raise _unknown(words, place, every)
    if not kept:
        raise NothingScored(
            f"no run has published {place.column}={partition}, and none is held",
            where=place.uri,
            fix=f"Score it: assay score --date {partition}",
        )
    last = kept[-1]
    if last.event == "held":
        staged = read_held_run(place, last.run_id)
        assert staged is not None, "its state says that it has the event"
        if lost := find_missing_files(place.table_uri(QUARANTINE), staged.quarantine):
            raise files_gone(place, last, lost)
        return RunQuarantine(last, staged.quarantine)
    return RunQuarantine(last, history.require_visible_run(place, partition).quarantine)


def _after(run: Run, seen: Run) -> bool:
    return (str(run.started_at), run.run_id) > (str(seen.started_at), seen.run_id)


def _unknown(words: str, place: StoreLocation, runs: Sequence[Run]) -> RunUnknown:
    shown = format_runs([run for run in runs if run.event in ("published", "held")])
    return RunUnknown(
        words,
        where=place.uri,
        expected=f"one of {shown}" if shown else "one that is published or held: there is none",
    )
