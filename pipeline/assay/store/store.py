"""The store: publishes a partition in one commit, and reads only what is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assay.columns.profile import Profile
from assay.errors import NothingScored, PublishConflict, StoreError
from assay.project.params import Params
from assay.store import check as damage
from assay.store import (
    consistency,
    history,
    labels,
    plans,
    profiles,
    run_files,
)
from assay.store import counts as counted
from assay.store import exports as exported
from assay.store import forget as forgetting
from assay.store import performance as measured
from assay.store import release as decided
from assay.store import vacuum as cleanup
from assay.store.delta import log, rows
from assay.store.delta.location import StagedFile, StoreLocation, filesystem
from assay.store.delta.tables import LABELS, PREDICTIONS, PROFILES, QUARANTINE, Staged, small_schema
from assay.store.publish import find_missing_files, publish_together
from assay.store.run_files import RowSample
from assay.store.runs import StagedRun

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset


def open_store(root: Path, params: Params) -> Store:
    """The project's store, which belongs to its model; nothing is created.

    Parameters
    ----------
    root
        The project's root, which a ``store`` without a scheme is relative to.

    Raises
    ------
    StoreOfAnother
        It is another model's.
    """
    column = params.ingest.partition_by
    small_schema(PROFILES, column)
    uri = params.store if "://" in params.store else str((root / params.store).resolve())
    store = Store(uri.rstrip("/"), column, params.publish.keep_days, params.name)
    with suppress(StoreError):  # what is damaged is for `assay fsck` to open; a commit asks again
        history.require_owner(store)
    return store


class Store(StoreLocation):
    """A folder or bucket of Delta tables. Holds no open resource, so it can be sent to a worker.

    Every method may raise `StoreError`: the store cannot be read or written, or holds unexpected
    content. Some are functions of the modules that they are about, which take the store's location
    first.
    """

    hold = decided.hold
    release = decided.release
    retract = decided.retract
    append_run_events = decided.append_events

    visible_runs = history.visible_runs
    published_run = history.published_run
    published_runs = history.published_runs
    runs = history.read_runs
    run_events = history.read_run_events
    recent_runs = profiles.read_recent_runs
    files_of_run = run_files.files_of_run
    run_of_version = run_files.run_of_version
    run_at_turn = run_files.run_at_turn

    label_history = labels.read_label_history
    append_labels = labels.append_labels
    performance = measured.read_performance
    measured_maturities = measured.read_measured_maturities
    append_performance = measured.append_performance
    decisions = measured.read_decisions
    decided_runs = measured.read_decided_runs
    append_decisions = measured.append_decisions
    exports = exported.read_exports
    append_export = exported.append_export

    append_plan = plans.append_plan
    planned_runs = plans.read_plans
    newest_plan = plans.newest_plan

    append_counts = counted.append_counts
    counts = counted.read_counts

    forget = forgetting.forget
    forget_acts = forgetting.read_acts

    check = damage.check
    check_consistency = damage.check_consistency
    vacuum = cleanup.vacuum
    delete_dead_files = cleanup.delete_dead_files

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
            self, history.read_partition_view(self, PREDICTIONS, partition, turns=False), partition
        )

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

    def dataset(self, table: Staged, partition: str | None = None) -> Dataset:
        """The published rows of a partition, or of all, or what their runs refused, unread.

        Raises
        ------
        NothingScored
            If no run has published it.
        """
        if partition is None:
            return rows.dataset(self, table, history.visible_files(self, table))
        found = history.require_visible_run(self, partition)
        files = found.predictions if table == PREDICTIONS else found.quarantine
        return rows.dataset(self, table, files)

    def prediction_schema(self) -> pa.Schema:
        """The columns of the predictions, the partition column among them."""
        return log.schema_of(self.table_uri(PREDICTIONS))

    def batches_with(self, partition: str, values: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """The row groups of a partition's published rows that hold a row with some values.

        Otherwise as `prediction_batches`; where rows are sorted by the values, nearly nothing is
        read.
        """
        found = history.require_visible_run(self, partition)
        groups = rows.find_groups(self, PREDICTIONS, found.predictions, values)
        yield from rows.batches(self, PREDICTIONS, found.predictions, groups=groups)

    def sample(self, partition: str, columns: Sequence[str], most: int, seed: int) -> RowSample:
        """A sample of the published rows, at bounded cost: see `assay.store.run_files`.

        Raises
        ------
        NothingScored
            If no run has published the partition.
        """
        found = history.require_visible_run(self, partition)
        return run_files.draw_sample(self, found.run_id, found.predictions, columns, most, seed)

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

    # ------------------------------------------------------------- labels and performance

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
