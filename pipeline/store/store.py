"""The store: publish a partition in one commit, and read only what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.errors import NothingScored, StoreError
from pipeline.params import Params
from pipeline.profile import Profile
from pipeline.store import log
from pipeline.store.files import StagedFile, part_path, run_of
from pipeline.store.profiles import from_rows, to_rows
from pipeline.store.publish import check_files, replacement
from pipeline.store.runs import RunEvent, RunRecord, events_of, fold, from_commit, to_commit
from pipeline.store.tables import (
    PREDICTIONS,
    PROFILES,
    QUARANTINE,
    RUNS,
    RUNS_SCHEMA,
    Staged,
    profiles_schema,
    storable,
)


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
    return Store(uri.rstrip("/"), column)


@dataclass(frozen=True)
class Store:
    """A folder or bucket of Delta tables. Holds nothing open: it can be sent to a worker.

    Attributes
    ----------
    uri
        A local path, or an address with a scheme.
    column
        The partition column.

    Notes
    -----
    A run publishes ``quarantine`` first, writes its profile, and publishes ``predictions``
    last: that commit is what makes all of it visible. Until then every reader here shows
    the run that was published before.
    """

    uri: str
    column: str

    def table_uri(self, table: str) -> str:
        """Where a table lies."""
        return f"{self.uri}/{table}"

    def new_file(self, table: Staged, partition: str, run_id: str, part: str) -> str:
        """The path, relative to the table, that a run writes a part to.

        Raises
        ------
        ValueError
            If ``partition`` is empty or ``run_id`` or ``part`` cannot be part of a file's name.
        """
        del table  # the layout is the same in each; the argument keeps call sites readable
        return part_path(self.column, partition, run_id, part)

    def publish(
        self,
        table: Staged,
        schema: pa.Schema,
        partition: str,
        files: Sequence[StagedFile],
        metadata: Mapping[str, str],
    ) -> None:
        """Replace a partition by a run's files, in one commit.

        Publishing the same files again changes nothing. In ``quarantine`` the files of the
        run that ``predictions`` shows now are kept beside the new ones: they are what
        readers go on seeing if this run never gets as far as publishing its predictions.

        Parameters
        ----------
        schema
            Of the table; the partition column is put in front if it is missing.
        files
            All of one run. None at all leaves the partition empty; to publish a night of
            which every row was refused, write a part of no rows.
        metadata
            Kept in the commit: at least ``run_id``; ``name``, ``version``, ``bundle`` and
            ``contract`` too, so that the run can be told if nothing else of it was kept.

        Raises
        ------
        StoreError
            If a file is not there as described, the table has other columns, or it cannot
            be written.
        """
        run_id = metadata["run_id"]
        part_path(self.column, partition, run_id, "0")  # refuses what no file could be named
        uri = self.table_uri(table)
        check_files(uri, self.column, partition, run_id, files)
        keep: set[str] = set()
        if table == QUARANTINE:
            active = self._active(PREDICTIONS, partition)
            keep = {shown for file in active if (shown := run_of(file.path))}
        if self.column not in schema.names:
            schema = schema.insert(0, pa.field(self.column, pa.string()))
        plan = replacement(partition, files, keep)
        log.commit(uri, storable(schema), self.column, plan, to_commit(metadata))

    def partitions(self) -> list[str]:
        """The partition values that have a published run, sorted."""
        return sorted({file.partition for file in self._active(PREDICTIONS)})

    def predictions(self, partition: str) -> pa.Table:
        """The published rows of a partition.

        Raises
        ------
        NothingScored
            If no run has published it.
        StoreError
            If the store cannot be read.
        """
        self._published(partition)
        return self._read(PREDICTIONS, None, {self.column: partition})

    def quarantine(self, partition: str) -> pa.Table:
        """The rows that the published run of a partition refused.

        Raises
        ------
        NothingScored
            If no run has published the partition.
        StoreError
            If the store cannot be read.
        """
        run_id = self._published(partition)
        return self._read(QUARANTINE, None, {self.column: partition, "run_id": run_id})

    def append_run_event(self, event: RunEvent) -> None:
        """Add to the history of runs.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        log.append(self.table_uri(RUNS), pa.Table.from_pylist([asdict(event)], RUNS_SCHEMA))

    def runs(self, partition: str | None = None) -> list[RunRecord]:
        """All runs, or those of one partition, in order of their starts.

        A run whose rows the predictions table holds counts as published, even if it died
        before it could say so; a published run may have been replaced since.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        shown = {run_of(file.path) for file in self._active(PREDICTIONS, partition)}
        return [
            replace(record, event="published") if record.run_id in shown else record
            for record in self._records(partition)
        ]

    def published_run(self, partition: str) -> RunRecord | None:
        """The run whose rows are visible in ``partition``, None if there is none.

        Who that is, and how many rows it has, is read off the files of the predictions
        table; what else is known comes from the run's events, or from its commit.

        Raises
        ------
        StoreError
            If the store cannot be read, or holds files of more than one run there.
        """
        shown = self._runs_shown(partition)
        if not shown:
            return None
        (run_id,) = shown
        scored = self._rows(PREDICTIONS, partition, run_id)
        for record in self._records(partition):
            if record.run_id == run_id and record.event == "published":
                return record
            if record.run_id == run_id:
                break
        else:
            record = self._from_commit(partition, run_id)
        refused = self._rows(QUARANTINE, partition, run_id)
        return replace(
            record,
            event="published",
            rows_read=scored + refused,
            rows_scored=scored,
            rows_quarantined=refused,
        )

    def write_profile(
        self, run_id: str, partition: str, version: str, bundle: str, profile: Profile
    ) -> None:
        """Keep the counts of a run's rows; invisible until the run is published.

        Raises
        ------
        StoreError
            If they cannot be written.
        """
        rows = to_rows(self.column, partition, run_id, version, bundle, profile)
        log.append(self.table_uri(PROFILES), rows, self.column)

    def profile(self, run_id: str, partition: str) -> Profile:
        """The counts that a published run kept, in the order of its columns.

        Raises
        ------
        NothingScored
            If the run was never published there.
        StoreError
            If its profile is missing or cannot be read.
        """
        if not any(r.run_id == run_id and r.event == "published" for r in self.runs(partition)):
            # Its events may be lost while its rows are what readers see.
            if run_id not in self._runs_shown(partition):
                raise NothingScored(f"run {run_id} has published nothing in {partition}")
        wanted = {self.column: partition, "run_id": run_id}
        rows = self._read(PROFILES, profiles_schema(self.column), wanted)
        return from_rows(rows, f"{self.table_uri(PROFILES)}, run {run_id} in {partition}")

    def _published(self, partition: str) -> str:
        shown = self._runs_shown(partition)
        if not shown:
            raise NothingScored(
                f"no run has published {self.column}={partition}",
                where=self.uri,
                mend="Run assay score for it.",
            )
        (run_id,) = shown
        return run_id

    def _runs_shown(self, partition: str) -> frozenset[str]:
        """The run whose files are active in predictions: one or none."""
        names = {run_of(file.path) for file in self._active(PREDICTIONS, partition)}
        if len(names) > 1 or None in names:
            raise StoreError(
                f"{self.column}={partition} holds files that are not those of one run",
                where=self.table_uri(PREDICTIONS),
                found=", ".join(sorted(str(name) for name in names)),
                mend="Something other than assay wrote to it; score the partition again.",
            )
        return frozenset(name for name in names if name is not None)

    def _active(self, table: Staged, partition: str | None = None) -> list[StagedFile]:
        opened = log.open_table(self.table_uri(table))
        return [] if opened is None else log.active(opened, self.column, partition)

    def _rows(self, table: Staged, partition: str, run_id: str) -> int:
        files = self._active(table, partition)
        return sum(file.rows for file in files if run_of(file.path) == run_id)

    def _read(self, table: str, schema: pa.Schema | None, filters: Mapping[str, str]) -> pa.Table:
        uri = self.table_uri(table)
        opened = log.open_table(uri)
        if opened is None:
            raise StoreError(f"the {table} table is missing", where=uri)
        return log.read(opened, schema, filters)

    def _records(self, partition: str | None) -> list[RunRecord]:
        uri = self.table_uri(RUNS)
        opened = log.open_table(uri)
        if opened is None:
            return []
        filters = {} if partition is None else {"partition": partition}
        return fold(events_of(log.read(opened, RUNS_SCHEMA, filters).to_pylist(), uri))

    def _from_commit(self, partition: str, run_id: str) -> RunRecord:
        uri = self.table_uri(PREDICTIONS)
        opened = log.open_table(uri)
        with log.told(uri, "its history cannot be read"):
            commits: list[dict[str, Any]] = [] if opened is None else opened.history()
        for entry in commits:
            if entry.get("run_id") == run_id:
                return from_commit(entry, run_id, partition)
        raise StoreError(f"run {run_id} is published, but nothing else is known of it", where=uri)
