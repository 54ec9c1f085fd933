"""The store: publish a partition in one commit, and read only what is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.columns.profile import Profile
from assay.errors import NothingScored, StoreError
from assay.project.params import Params, Publish
from assay.store import agreement as agree
from assay.store import check, history, labels, performance, profiles, release, sweep
from assay.store import profiles as recent
from assay.store import sample as drawn
from assay.store.check import Damage
from assay.store.delta import log, rows
from assay.store.delta.files import StagedFile
from assay.store.delta.place import Place, filesystem
from assay.store.delta.tables import LABELS, PREDICTIONS, QUARANTINE, Staged, profiles_schema
from assay.store.profiles import Recent
from assay.store.publish import missing, publish
from assay.store.release import Retracted
from assay.store.runs import RunEvent, RunRecord
from assay.store.sample import Drawn
from assay.store.staged import StagedRun
from assay.store.sweep import Vacuumed


def open_store(root: Path, params: Params) -> Store:
    """The project's store; nothing is made or read yet.

    Parameters
    ----------
    root
        The project's root, which a ``store`` without a scheme is relative to.

    Raises
    ------
    StoreError
        If the partition column's name is one that the tables need for themselves.
    """
    column = params.ingest.partition_by
    profiles_schema(column)
    uri = params.store if "://" in params.store else str((root / params.store).resolve())
    return Store(uri.rstrip("/"), column, params.publish.keep_days)


class Store(Place):
    """A folder or bucket of Delta tables. Holds nothing open: it can be sent to a worker.

    Whatever it does may raise `StoreError`: the store cannot be read or written, or holds
    what was never put there.
    """

    # ------------------------------------------------------------------------ publishing

    def turn(self, partition: str) -> int:
        """How often a partition has changed hands. A run notes it when it starts.

        A run can be published only while the turn is the one that it started from, so it is
        what tells a run that was overtaken, whatever clocks say.
        """
        return history.view(self, PREDICTIONS, partition).turn

    def publish_run(self, staged: StagedRun) -> None:
        """Replace a partition by a run's files, in one commit; again changes nothing.

        Afterwards what dead runs left in the partition a day ago or more is deleted.

        Raises
        ------
        RunOvertaken
            If the partition changed hands since the run started. Nothing became visible.
        StoreError
            If a file is not there as described, a table has other columns, or cannot be written.
        """
        publish(self, staged)
        # It is published; what could not be cleaned up now is cleaned up next time.
        with suppress(StoreError):
            self.sweep(staged.partition)

    def hold(self, staged: StagedRun) -> str:
        """Keep a run that must not be published for now; its ``held`` event's ``files``.

        Raises
        ------
        StoreError
            If a file is not there as described, or the profile cannot be written.
        """
        return release.hold(self, staged)

    def release(self, run_id: str, by: str, because: str) -> RunRecord:
        """Publish a held run after all.

        Raises
        ------
        RunUnknown
            If there is no such run, or it is not held.
        RunOvertaken
            If the partition changed hands since the run started.
        StoreError
            If its files are not there any more as they were written.
        """
        return release.release(self, run_id, by, because)

    def retract(self, run_id: str, by: str, because: str) -> Retracted:
        """Take the visible run of a partition back, in one commit.

        Readers see the run again that was published before it, if its files are still there
        (they are for ``keep_days``), else nothing.

        Raises
        ------
        RunUnknown
            If there is no such run, or it is not the one that readers see.
        """
        return release.retract(self, run_id, by, because)

    def append_run_event(self, event: RunEvent) -> None:
        """Add to the history of runs."""
        release.append_event(self, event)

    # --------------------------------------------------------------------------- reading

    def partitions(self) -> list[str]:
        """The partition values that have a published run, sorted."""
        opened = log.open_table(self.table_uri(PREDICTIONS))
        return [] if opened is None else log.partitions(opened, self.column)

    def visible_run(self, partition: str) -> str | None:
        """The run whose rows readers see, None if there is none.

        Raises
        ------
        StoreError
            Also if the partition holds files of more than one run.
        """
        return history.visible(self, history.view(self, PREDICTIONS, partition), partition)

    def published_run(self, partition: str) -> RunRecord | None:
        """The record of the run whose rows are visible in ``partition``, None if there is none.

        Who that is, and how many rows it has, is read off the files of the tables; what else
        is known comes from the run's events, or from its commit.
        """
        return history.published_run(self, partition)

    def runs(self, partition: str | None = None) -> list[RunRecord]:
        """All runs, or those of one partition, in order of their starts.

        A run whose rows the predictions table holds counts as published, even if it died
        before it could say so; a published run may have been replaced since.
        """
        return history.runs(self, partition)

    def predictions(self, partition: str) -> pa.Table:
        """The published rows of a partition, all at once.

        Raises
        ------
        NothingScored
            If no run has published it.
        """
        found = history.published(self, partition)
        schema = log.schema_of(self.table_uri(PREDICTIONS))
        return pa.Table.from_batches(rows.batches(self, PREDICTIONS, found.predictions), schema)

    def prediction_batches(
        self, partition: str, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The published rows of a partition, a batch at a time.

        The run is chosen when the first batch is asked for, and stays the same.

        Parameters
        ----------
        columns
            Those to read, in this order; all, the partition column first, if None.

        Raises
        ------
        NothingScored
            If no run has published the partition.
        """
        found = history.published(self, partition)
        yield from rows.batches(self, PREDICTIONS, found.predictions, columns)

    def drawn(self, partition: str, columns: Sequence[str], most: int, seed: int) -> Drawn:
        """Some published rows, at a cost that stops growing: see `assay.store.sample`.

        Raises
        ------
        NothingScored
            If no run has published the partition.
        """
        found = history.published(self, partition)
        return drawn.drawn(self, found.run_id, found.predictions, columns, most, seed)

    def quarantine(self, partition: str) -> pa.Table:
        """The rows that the published run of a partition refused, all at once.

        Raises
        ------
        NothingScored
            If no run has published the partition.
        """
        found = history.published(self, partition)
        schema = log.schema_of(self.table_uri(QUARANTINE))
        return pa.Table.from_batches(rows.batches(self, QUARANTINE, found.quarantine), schema)

    def quarantine_batches(
        self, partition: str, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows that the published run refused; as `prediction_batches`."""
        found = history.published(self, partition)
        yield from rows.batches(self, QUARANTINE, found.quarantine, columns)

    def file_batches(
        self, table: Staged, file: StagedFile, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of one file, published or not; as `prediction_batches`."""
        return rows.batches(self, table, [file], columns)

    def profile(self, run_id: str, partition: str) -> Profile:
        """The counts that a published run kept, in the order of its columns.

        Raises
        ------
        NothingScored
            If the run was never published there.
        StoreError
            If its profile is missing.
        """
        if not any(r.run_id == run_id and r.event == "published" for r in self.runs(partition)):
            # Its events may be lost while its rows are what readers see.
            if run_id != self.visible_run(partition):
                raise NothingScored(f"run {run_id} has published nothing in {partition}")
        return profiles.profile_of(self, partition, run_id)

    def recent(self, partition: str, version: str, limits: Publish, score: str) -> Recent:
        """What is visible of the nearest partitions before one, to compare a new run with.

        Parameters
        ----------
        version
            Of the model; only what it scored itself is comparable to its scores.
        score
            The column of the profile that counts the scores.
        """
        return recent.recent(self, partition, version, limits, score)

    # ------------------------------------------------------------- labels and performance

    def visible_runs(self) -> dict[str, str]:
        """The run that readers of each partition see, by partition, in one look at the log."""
        return history.visible_runs(self)

    def labels(self, partition: str, until: datetime | None = None) -> pa.Table:
        """The keys of a partition whose truth is known, with ``truth`` and ``arrived_at``.

        Parameters
        ----------
        until
            Only what had arrived before; None for all.

        Raises
        ------
        NothingScored
            If no partition was ever published.
        """
        keys, _ = labels.shape(self)
        return labels.known(labels.history(self, partition), keys.names, until)

    def labelled(self) -> list[str]:
        """The partitions for which a truth has arrived, sorted."""
        opened = log.open_table(self.table_uri(LABELS))
        return [] if opened is None else log.partitions(opened, self.column)

    def label_history(self, partition: str) -> pa.Table:
        """Every truth that ever arrived for a partition; errors as for `labels`."""
        return labels.history(self, partition)

    def keep_labels(self, partition: str, arrived: pa.Table, source: str, by: str) -> None:
        """Add truths to the history, in one commit: see `assay.store.labels.keep`."""
        labels.keep(self, partition, arrived, source, by)

    def performance(self, partition: str | None = None) -> pa.Table:
        """What is known of how well the visible runs did, of all partitions or one."""
        return performance.performance(self, partition)

    def keep_performance(self, measured: Iterable[Mapping[str, Any]]) -> int:
        """Add numbers that are not known like this already, in one commit; how many."""
        return performance.keep(self, measured)

    # -------------------------------------------------------------------------- cleaning

    def lost(self, partition: str) -> bool:
        """Whether what was published of a partition is not there any more.

        That is so if a file that readers see is gone, or of another size, and if a log lost the
        commit that published the night's last run, or that added the rows which it refused.
        """
        found = history.shown(self, partition)
        files = found is not None and bool(
            missing(self.table_uri(PREDICTIONS), found.predictions)
            or missing(self.table_uri(QUARANTINE), found.quarantine)
        )
        return files or any(
            each.kind in ("lost", "refused") for each in agree.discords(self, partition)
        )

    def discords(self) -> list[Damage]:
        """Nights of which ``runs`` and other tables tell different stories, at little cost."""
        return check.discords(self)

    def check(self, mend: bool = False) -> list[Damage]:
        """What is damaged in the tables, mended if asked: see `assay.store.check`."""
        return check.check(self, mend)

    def drop_scratch(self, run_id: str) -> None:
        """Delete what a run needed only while it was on its way."""
        system, path = filesystem(self.scratch(run_id))
        with suppress(OSError):
            system.delete_dir(path)

    def drop(self, table: Staged, files: Iterable[StagedFile]) -> None:
        """Delete files that a run wrote and will not publish; what stays is swept up later."""
        system, base = filesystem(self.table_uri(table))
        for file in files:
            with suppress(OSError):
                system.delete_file(f"{base}/{file.path}")

    def sweep(self, partition: str) -> None:
        """Delete what dead runs left in a partition, once it is a day old."""
        sweep.sweep(self, partition)

    def vacuum(self, keep_days: int, dry_run: bool = False) -> list[Vacuumed]:
        """Delete what no reader can need, and keep the tables' own files few.

        Leftovers of dead runs go after a day. Replaced versions, and leftovers of runs of
        which nobody knows whether they ended, go after ``keep_days``, counted from the moment
        when they were replaced or written. Held runs that can be released are kept.

        Parameters
        ----------
        keep_days
            At least 1, so that readers at work keep what they read.
        dry_run
            Only tell what would be done.
        """
        return sweep.vacuum(self, keep_days, dry_run)
