"""Take rows out of a file of a table: it is written again, shown instead, and deleted."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assay.errors import StoreError
from assay.store.delta import commits, external_table, log, rows
from assay.store.delta.location import StagedFile, StoreLocation, filesystem, parse_run_id
from assay.store.delta.tables import LABELS, PREDICTIONS, QUARANTINE
from assay.store.delta.writer import PartWriter
from assay.store.vacuum import UnusedFile, delete_files

TABLES = (QUARANTINE, PREDICTIONS, LABELS)
"""The tables that hold rows of the input or of labels, each with its key."""

Kept: TypeAlias = Callable[[pa.RecordBatch], npt.NDArray[np.bool_]]
"""Which rows stay; shape (rows,)."""


def check_features(place: StoreLocation) -> None:
    """Check that the files of the tables are their rows.

    Raises
    ------
    StoreError
        Naming a table where another engine hides rows that stay in the files.
    """
    for table in TABLES:
        opened = log.open_table(place.table_uri(table))
        strange = [] if opened is None else external_table.unreadable_features(opened)
        if strange:
            raise StoreError(
                "another engine gave the table features by which rows that it hides stay in files",
                where=place.table_uri(table),
                expected="plain Parquet files",
                found=", ".join(strange),
                fix="Rewrite it there (REORG TABLE ... APPLY (PURGE)), drop the features "
                "(ALTER TABLE ... DROP FEATURE), and run the same command again.",
            )


def show_without(place: StoreLocation, table: str, file: StagedFile, kept: Kept) -> bool:
    """Show a file with some of its rows instead of one that readers see.

    Of predictions a file without rows stays: a night is published by its files.

    Returns
    -------
    bool
        False if no reader sees it any more; nothing has changed then.
    """
    new = _write_again(place, table, file, kept)
    uri = place.table_uri(table)
    target = commits.CommitTarget(place, table, log.schema_of(uri), [file.partition])

    def plan(views: Mapping[str, log.PartitionView]) -> commits.CommitChange | None:
        if file not in views[file.partition].files:
            return None
        counted = {}
        if table == QUARANTINE:
            run_id, opened = parse_run_id(file.path) or "", log.open_table(uri)
            assert opened is not None, "it has the file"
            out = file.rows - (0 if new is None else new.rows)
            counted = {run_id: out + log.forgotten_rows(opened, run_id)}
        return commits.CommitChange([] if new is None else [new], [file], forgotten=counted)

    return commits.commit(target, plan)


def _write_again(
    place: StoreLocation, table: str, file: StagedFile, kept: Kept
) -> StagedFile | None:
    """The same file with some of its rows; None if it would be left without and need not be."""
    folder, _, name = file.path.rpartition("/")
    begins = "part" if table == LABELS else parse_run_id(name)
    path = f"{folder}/{begins}-{uuid.uuid4().hex}.parquet"
    with PartWriter(place.table_uri(table), path) as part:
        for batch in rows.batches(place, table, [file]):
            left = batch.filter(pa.array(kept(batch)))
            part.write(left.drop_columns([place.column]))
    if part.staged.rows or table == PREDICTIONS:
        return part.staged
    system, at = filesystem(f"{place.table_uri(table)}/{path}")
    system.delete_file(at)
    return None


def delete(place: StoreLocation, table: str, file: StagedFile) -> bool:
    """Delete a file that no reader sees; False if one does again, since a run was retracted."""
    unused = UnusedFile(table, file.path, file.size, "dead", datetime.now(UTC))
    return bool(delete_files(place, [unused]))


def bar(place: StoreLocation, files: Iterable[tuple[str, StagedFile]]) -> None:
    """See to it that runs that nobody sees are never published, so that files of theirs may go.

    Whoever publishes plans on the newest version of a table. So either a run was published before
    this commit, and its files are active, or it is refused.

    Parameters
    ----------
    files
        Some of the runs' files, each with its table.
    """
    nights = {
        run_id: file.partition
        for table, file in files
        if table != LABELS and (run_id := parse_run_id(file.path))
    }

    def unseen(views: Mapping[str, log.PartitionView]) -> commits.CommitChange | None:
        seen = {parse_run_id(file.path) for view in views.values() for file in view.files}
        runs = [run_id for run_id in nights if run_id not in seen]
        opened = log.open_table(place.table_uri(PREDICTIONS))
        new = sorted({*runs} - log.barred(opened, runs))
        return commits.CommitChange((), (), barred=new) if new else None

    def too(views: Mapping[str, log.PartitionView]) -> commits.CommitChange | None:
        barred = log.barred(log.open_table(place.table_uri(PREDICTIONS)), nights)
        new = sorted(barred - log.barred(log.open_table(place.table_uri(QUARANTINE)), barred))
        return commits.CommitChange((), (), barred=new) if new else None

    # In this order: a run whose refused rows are left out since it is barred cannot be published.
    for table, plan in ((PREDICTIONS, unseen), (QUARANTINE, too)):
        uri = place.table_uri(table)
        if nights and log.open_table(uri) is not None:
            night = sorted({*nights.values()})
            commits.commit(commits.CommitTarget(place, table, log.schema_of(uri), night), plan)
