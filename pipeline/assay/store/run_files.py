"""The files of any run of a night: visible, replaced since, held, or planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assay.errors import NothingScored, RunUnknown, StoreError, UsageError
from assay.store.delta import log, rows
from assay.store.delta.location import StagedFile, StoreLocation
from assay.store.delta.tables import PLANS, PREDICTIONS
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
from assay.store.runs import Run, from_json


@dataclass(frozen=True)
class RunFiles:
    """A run with its files of predictions, all of which exist, and their columns.

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

    Raises
    ------
    RunUnknown
        Files of it are gone, or the log does not go back to when readers saw it.
    """
    staged = None
    if run.event == "planned":
        staged = from_json(run, place.table_uri(PLANS))
    elif run.event == "held":
        staged = read_held_run(place, run.run_id)
    if staged is not None:
        return _checked(place, run, staged.predictions, staged.predictions_schema)
    view = read_partition_view(place, PREDICTIONS, run.partition)
    if visible_run_id(place, view, run.partition) != run.run_id:
        told = partition_commits(place, PREDICTIONS, run.partition)
        mine = [entry["version"] for entry in told if entry.get("run_id") == run.run_id]
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
        else f"{version} never scored the night",
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
    if not files or find_missing_files(uri, files):
        raise files_gone(place, run)
    return RunFiles(run, tuple(files), log.schema_of(uri) if schema is None else schema)


def files_gone(place: StoreLocation, run: Run) -> RunUnknown:
    """That files of a run were deleted, and by what."""
    return RunUnknown(
        "the files of the run are not there any more",
        where=f"{place.column}={run.partition}, run {run.run_id}",
        fix="assay vacuum deletes what was replaced longer ago than publish.keep_days says, "
        "assay forget what held a row of its keys.",
    )
