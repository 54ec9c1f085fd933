"""The store: publishes a partition in one commit, and reads only what is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.columns.profile import Profile
from assay.errors import NothingScored, PublishConflict, StoreError
from assay.project.params import Params, Publish
from assay.store import (
    check,
    consistency,
    decisions,
    history,
    labels,
    performance,
    profiles,
    release,
    vacuum,
)
from assay.store import profiles as recent_profiles
from assay.store import sample as row_sample
from assay.store.check import Damage
from assay.store.delta import log, rows
from assay.store.delta.files import StagedFile
from assay.store.delta.location import StoreLocation, filesystem
from assay.store.delta.tables import LABELS, PREDICTIONS, QUARANTINE, Staged, profiles_schema
from assay.store.profiles import RecentRuns
from assay.store.publish import find_missing_files, publish_together
from assay.store.release import Retraction
from assay.store.runs import RunEvent, RunRecord
from assay.store.sample import RowSample
from assay.store.staged_run import StagedRun
from assay.store.vacuum import VacuumResult


def open_store(root: Path, params: Params) -> Store:
    """The project's store; nothing is created or read yet.

    Parameters
    ----------
    root
        The project's root, which a ``store`` without a scheme is relative to.
    """
    column = params.ingest.partition_by
    profiles_schema(column)
    uri = params.store if "://" in params.store else str((root / params.store).resolve())
    return Store(uri.rstrip("/"), column, params.publish.keep_days)


class Store(StoreLocation):
    """A folder or bucket of Delta tables. Holds no open resource, so it can be sent to a worker.

    Every method may raise `StoreError`: the store cannot be read or written, or holds unexpected
    content.
    """

    # ------------------------------------------------------------------------ publishing

    def turn(self, partition: str) -> int:
        """How many times a partition's visible run has changed. A run notes it when it starts.

        A run can be published only at the turn that it started from. So a changed turn shows that
        it was overtaken, independent of clocks.
        """
        return self.turns([partition])[partition]

    def turns(self, partitions: Sequence[str]) -> dict[str, int]:
        """The turn of each of some partitions."""
        views = history.read_partition_views(self, PREDICTIONS, partitions)
        return {name: view.turn for name, view in views.items()}

    def publish_run(self, staged: StagedRun) -> None:
        """Replace a partition by a run's files, in one commit; repeating it changes nothing.

        Afterwards the files of dead runs in the partition are deleted if they are a day old or
        more.

        Raises
        ------
        PublishConflict
            If the partition changed since the run started. Nothing became visible.
        StoreError
            If a file is not there as described, a table has other columns, or cannot be written.
        """
        for overtaken in self.publish_runs([staged]).values():
            raise overtaken

    def publish_runs(self, runs: Sequence[StagedRun]) -> dict[str, PublishConflict]:
        """Replace several partitions, each by a run's files, in one commit for all.

        Otherwise as `publish_run`.

        Parameters
        ----------
        runs
            At most one of each partition; all with the same columns.

        Returns
        -------
        dict of str to PublishConflict
            The runs that were overtaken, by id: nothing of them became visible. The others are.
        """
        overtaken = publish_together(self, runs)
        # What is published is published; a cleanup that fails now is done next time.
        with suppress(StoreError):
            for staged in runs:
                if staged.run_id not in overtaken:
                    self.delete_dead_files(staged.partition)
        return overtaken

    def hold(self, staged: StagedRun) -> str:
        """Hold a run until a person releases it; returns ``files`` of its ``held`` event.

        Raises
        ------
        StoreError
            If a file is not there as described, or the profile cannot be written.
        """
        return release.hold(self, staged)

    def release(self, run_id: str, by: str, because: str) -> RunRecord:
        """Publish a held run.

        Raises
        ------
        RunUnknown
            If there is no such run, or it is neither held nor released already.
        PublishConflict
            If the partition changed since the run started.
        StoreError
            If its files no longer exist as they were written.
        """
        return release.release(self, run_id, by, because)

    def retract(self, run_id: str, by: str, because: str) -> Retraction:
        """Withdraw the visible run of a partition, in one commit.

        The run that was published before it becomes visible again, if its files still exist (they
        are kept for ``keep_days``). Otherwise the partition is empty.

        Raises
        ------
        RunUnknown
            If there is no such run, or it is neither the visible one nor retracted already.
        """
        return release.retract(self, run_id, by, because)

    def append_run_events(self, *events: RunEvent) -> None:
        """Append events to the runs table, in one commit."""
        release.append_events(self, *events)

    # --------------------------------------------------------------------------- reading

    def partitions(self) -> list[str]:
        """The partition values that have a published run, sorted."""
        return list(log.read_partitions(self.table_uri(PREDICTIONS), self.column))

    def visible_run(self, partition: str) -> str | None:
        """The id of the visible run, None if there is none.

        Raises
        ------
        StoreError
            Also if the partition holds files of more than one run.
        """
        return history.visible_run_id(
            self, history.read_partition_view(self, PREDICTIONS, partition), partition
        )

    def published_run(self, partition: str) -> RunRecord | None:
        """The record of the visible run of ``partition``, None if there is none.

        Its id and row counts are read from the tables' files; the rest comes from the run's events,
        or from its commit.
        """
        return history.published_run(self, partition)

    def published_runs(self, partitions: Sequence[str]) -> list[RunRecord]:
        """As `published_run` of each of some partitions, in order, those without one left out."""
        return history.published_runs(self, partitions)

    def runs(self, partition: str | Sequence[str] | None = None) -> list[RunRecord]:
        """All runs, or those of one partition or several, in order of start.

        A run whose rows are in the predictions table counts as published, even if it died before it
        recorded that. A published run may have been replaced since.
        """
        return history.read_runs(self, partition)

    def run_events(self, partition: str) -> list[RunEvent]:
        """The events of a partition's runs, by their time."""
        return history.read_run_events(self, partition)

    def predictions(self, partition: str) -> pa.Table:
        """The published rows of a partition, as one table.

        Raises
        ------
        NothingScored
            If no run has published it.
        """
        found = history.require_visible_run(self, partition)
        schema = log.schema_of(self.table_uri(PREDICTIONS))
        return pa.Table.from_batches(rows.batches(self, PREDICTIONS, found.predictions), schema)

    def prediction_batches(
        self, partition: str, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The published rows of a partition, a batch at a time.

        The run is determined when the first batch is requested, and stays the same.

        Parameters
        ----------
        columns
            The columns to read, in this order; if None all, the partition column first.

        Raises
        ------
        NothingScored
            If no run has published the partition.
        """
        found = history.require_visible_run(self, partition)
        yield from rows.batches(self, PREDICTIONS, found.predictions, columns)

    def sample(self, partition: str, columns: Sequence[str], most: int, seed: int) -> RowSample:
        """A sample of the published rows, at bounded cost: see `assay.store.sample`.

        Raises
        ------
        NothingScored
            If no run has published the partition.
        """
        found = history.require_visible_run(self, partition)
        return row_sample.draw_sample(self, found.run_id, found.predictions, columns, most, seed)

    def quarantine(self, partition: str) -> pa.Table:
        """The quarantined rows of a partition's published run, as one table.

        Raises
        ------
        NothingScored
            If no run has published the partition.
        """
        found = history.require_visible_run(self, partition)
        schema = log.schema_of(self.table_uri(QUARANTINE))
        return pa.Table.from_batches(rows.batches(self, QUARANTINE, found.quarantine), schema)

    def quarantine_batches(
        self, partition: str, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The quarantined rows of the published run; otherwise like `prediction_batches`."""
        found = history.require_visible_run(self, partition)
        yield from rows.batches(self, QUARANTINE, found.quarantine, columns)

    def file_batches(
        self, table: Staged, file: StagedFile, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of one file, published or not; otherwise like `prediction_batches`."""
        return rows.batches(self, table, [file], columns)

    def profile(self, run_id: str, partition: str) -> Profile:
        """The profile of a published run, in the order of its columns.

        Raises
        ------
        NothingScored
            If the run was never published there.
        StoreError
            If its profile is missing.
        """
        if not any(r.run_id == run_id and r.event == "published" for r in self.runs(partition)):
            # Its events may be lost although the run is visible.
            if run_id != self.visible_run(partition):
                raise NothingScored(f"run {run_id} has published nothing in {partition}")
        return profiles.read_profile(self, partition, run_id)

    def recent_runs(
        self,
        partition: str,
        version: str,
        limits: Publish,
        score: str,
        ahead: Sequence[StagedRun] = (),
    ) -> RecentRuns:
        """Facts about the visible runs of the partitions before one, to compare a new run with.

        Parameters
        ----------
        version
            Of the model; scores are compared only with scores of the same version.
        score
            The column of the profile that counts the scores.
        ahead
            Runs that will be published before the new one, as if they were.
        """
        return recent_profiles.read_recent_runs(self, partition, version, limits, score, ahead)

    # ------------------------------------------------------------- labels and performance

    def visible_runs(self) -> dict[str, str]:
        """The visible run of each partition, from one version of the log."""
        return history.visible_runs(self)

    def labels(self, partition: str, until: datetime | None = None) -> pa.Table:
        """The keys of a partition that have a label, with ``truth`` and ``arrived_at``.

        Parameters
        ----------
        until
            Only labels that arrived before it; None for all.

        Raises
        ------
        NothingScored
            If no partition was ever published.
        """
        keys, _ = labels.read_keys_and_task(self)
        return labels.labels_as_of(labels.read_label_history(self, partition), keys.names, until)

    def labelled_partitions(self) -> list[str]:
        """The partitions that have at least one label, sorted."""
        return list(log.read_partitions(self.table_uri(LABELS), self.column))

    def label_history(self, partition: str) -> pa.Table:
        """Every label that ever arrived for a partition; errors as for `labels`."""
        return labels.read_label_history(self, partition)

    def append_labels(self, partition: str, arrived: pa.Table, source: str, by: str) -> None:
        """Append labels to the history, in one commit: see `assay.store.labels.append_labels`."""
        labels.append_labels(self, partition, arrived, source, by)

    def performance(
        self,
        partition: str | Sequence[str] | None = None,
        slices: bool = True,
        metrics: Sequence[str] | None = None,
    ) -> pa.Table:
        """The latest performance metrics of the visible runs, of all partitions or some.

        Parameters
        ----------
        slices
            Also of slices; else only over all rows, which are a small part of the table.
        metrics
            Their names; None for all.
        """
        return performance.read_performance(self, partition, slices, metrics)

    def measured_maturities(self) -> set[tuple[str, int]]:
        """Each run with each number of days after which it was measured."""
        return performance.read_measured_maturities(self)

    def append_performance(self, measured: Iterable[Mapping[str, Any]]) -> int:
        """Append the values that are new, in one commit; returns how many there were."""
        return performance.append_performance(self, measured)

    def decisions(self) -> dict[str, str]:
        """Night -> the last decision about it: see `assay.store.decisions`."""
        return decisions.read_decisions(self)

    def decided_runs(self) -> dict[str, str]:
        """Night -> the run that the last decision about it is about."""
        return decisions.read_decided_runs(self)

    def append_decisions(self, decided: Iterable[Mapping[str, Any]]) -> None:
        """Append decisions, in one commit; none appends nothing.

        Parameters
        ----------
        decided
            Rows of `assay.store.delta.tables.decisions_schema`, without the time.
        """
        decisions.append_decisions(self, decided)

    # -------------------------------------------------------------------------- cleaning

    def has_lost_data(self, partition: str) -> bool:
        """Whether published data of a partition is missing.

        That is the case if a visible file is missing or has another size, or if a log lost the
        commit that published the partition's last run, or the one that added its quarantined rows.
        """
        found = history.find_visible_run(self, partition)
        files = found is not None and bool(
            find_missing_files(self.table_uri(PREDICTIONS), found.predictions)
            or find_missing_files(self.table_uri(QUARANTINE), found.quarantine)
        )
        return files or any(
            each.kind in ("lost", "refused")
            for each in consistency.find_inconsistencies(self, partition)
        )

    def check_consistency(self) -> list[Damage]:
        """Partitions for which ``runs`` contradicts the other tables; reads only the logs."""
        return check.check_consistency(self)

    def check(self, fix: bool = False) -> list[Damage]:
        """The faults of the tables, repaired if asked: see `assay.store.check`."""
        return check.check(self, fix)

    def delete_scratch(self, run_id: str) -> None:
        """Delete a run's temporary files."""
        system, path = filesystem(self.scratch_uri(run_id))
        with suppress(OSError):
            system.delete_dir(path)

    def delete_staged_files(self, table: Staged, files: Iterable[StagedFile]) -> None:
        """Delete files that a run will not publish; any that cannot be deleted are swept later."""
        system, base = filesystem(self.table_uri(table))
        for file in files:
            with suppress(OSError):
                system.delete_file(f"{base}/{file.path}")

    def delete_dead_files(self, partition: str) -> None:
        """Delete files of dead runs in a partition that are at least a day old."""
        vacuum.delete_dead_files(self, partition)

    def vacuum(self, keep_days: int, dry_run: bool = False) -> list[VacuumResult]:
        """Delete files that no reader can need, and merge small files of append-only tables.

        Files of dead runs are deleted after a day. Replaced versions, and files of runs that
        recorded no end, are deleted after ``keep_days``, counted from when they were replaced or
        written. Held runs that can be released are kept.

        Parameters
        ----------
        keep_days
            At least 1, to protect current readers.
        dry_run
            Only report what would be done.
        """
        return vacuum.vacuum(self, keep_days, dry_run)
