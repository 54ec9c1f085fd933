"""Upkeep: every few commits a table's small files are merged and its log is shortened.

A night adds a file or two to each small table, and a commit to every table. A reader opens each of
those files, and each commit since the last checkpoint, so without upkeep a command costs more
every night. What readers see never changes: merging replaces files by one with the same rows, in
one commit, and a checkpoint only sums up commits.

Files are not merged by delta-rs' own compaction: if two writers compact at the same time, it
commits both, and every row is there twice. Here the commit may only become the version right after
the one that was read, so of two writers one gives up.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

from assay.errors import StoreError
from assay.project.text import counted
from assay.store.delta import fsync
from assay.store.delta.location import (
    StagedFile,
    checked_parquet,
    filesystem,
    summarize_error,
)
from assay.store.delta.log import add_actions
from assay.store.delta.writer import PartWriter

if TYPE_CHECKING:
    from deltalake import DeltaTable, PostCommitHookProperties


EVERY = 10
"""Commits from one upkeep to the next. Readers replay at most so many, and of an append-only table
they open at most so many files more than one for each partition that they read."""

CLEANED_EVERY = 100
"""Commits from one look for old log entries to the next: it takes the longer, the more are kept."""

_log = logging.getLogger(__name__)


def tend(uri: str, opened: DeltaTable, before: int, now: int | None, merge: bool) -> None:
    """Look after a table if its version passed a multiple of `EVERY`; called after each commit.

    Writers need no agreement: of the versions that several of them commit, each is passed by at
    least one. If that one is killed or fails here, the next multiple is not far.

    Parameters
    ----------
    opened
        The table through which the caller committed.
    before
        Its version before that.
    now
        Its version after that, None if it has to be asked.
    merge
        Whether to merge small files: for tables whose rows are never replaced.
    """
    try:
        if now is not None and before // EVERY == now // EVERY:
            return
        opened.update_incremental()
        now = opened.version()
        if before // EVERY == now // EVERY:
            return
        if merge:
            merge_files(uri, opened)
        _write_checkpoint(uri, opened)
        if before // CLEANED_EVERY != now // CLEANED_EVERY:
            opened.cleanup_metadata()
    except Exception as error:  # the caller's commit is done, and no reader needs this
        # Mostly another writer came first: its upkeep, or the next one, does it.
        _log.debug("%s was not tended: %s", uri, summarize_error(error))


def shorten(uri: str, opened: DeltaTable) -> None:
    """Write a checkpoint, and delete log entries older than the table keeps them.

    Errors are those of delta-rs.
    """
    _write_checkpoint(uri, opened)
    opened.cleanup_metadata()


def _write_checkpoint(uri: str, opened: DeltaTable) -> None:
    opened.create_checkpoint()
    fsync.sync_checkpoint(uri)  # before the commits that it replaces are deleted


SMALL = 32 << 20
"""Bytes below which a file is small."""


@dataclass(frozen=True, slots=True)
class Group:
    """Small files of one partition; ``values`` is its value by column, empty without partitions."""

    values: dict[str, str | None]
    files: tuple[StagedFile, ...]


def small_files(opened: DeltaTable) -> list[Group]:
    """The partitions of an opened table that have more than one small file."""
    columns = opened.metadata().partition_columns
    by_partition: dict[tuple[str, ...], list[StagedFile]] = {}
    actions = add_actions(opened)
    wanted = ["path", "size_bytes", "num_records", *(f"partition.{name}" for name in columns)]
    for path, size, rows, *values in zip(
        *(actions.column(name).to_pylist() for name in wanted), strict=True
    ):
        if size < SMALL:
            mine = by_partition.setdefault(tuple(values), [])
            mine.append(StagedFile(unquote(path), size, rows, "".join(values)))
    return [
        Group(dict(zip(columns, values, strict=True)), tuple(files))
        for values, files in by_partition.items()
        if len(files) > 1
    ]


def merge_files(uri: str, opened: DeltaTable) -> int:
    """Merge the small files of each partition; returns how many there were.

    The old files stay where they are, for readers at work. ``opened`` has the new version
    afterwards.

    Other errors are those of delta-rs and Arrow. After any error nothing has changed; there is one
    if anything was committed to the table since it was opened.

    Raises
    ------
    StoreError
        The files hold more or fewer rows than the log says.
    """
    from deltalake import CommitProperties
    from deltalake.transaction import AddAction, RemoveAction

    groups, before = small_files(opened), opened.version()
    if not groups:
        return 0
    columns, schema = opened.metadata().partition_columns, opened.schema()
    stored = pa.schema(field for field in pa.schema(schema.to_arrow()) if field.name not in columns)
    merged = [_written(uri, group, stored) for group in groups]
    fsync.sync_files(uri, merged)
    now = int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = [
        RemoveAction(file.path, False, now, file.size, group.values)
        for group in groups
        for file in group.files
    ]
    actions += [
        AddAction(
            file.path, file.size, group.values, now, False, json.dumps({"numRecords": file.rows})
        )
        for group, file in zip(groups, merged, strict=True)
    ]
    opened.create_write_transaction(
        actions,
        "append",
        schema,
        columns,
        commit_properties=CommitProperties(max_commit_retries=0),
        post_commithook_properties=post_commit_hooks(),
    )
    opened.update_incremental()
    fsync.sync_commits(uri, before)
    return sum(len(group.files) for group in groups)


def _written(uri: str, group: Group, schema: pa.Schema) -> StagedFile:
    """One new file with the rows of a group, in the order of its files."""
    import pyarrow.dataset as ds

    system, base = filesystem(uri)
    folder = group.files[0].path.rpartition("/")[0]
    path = f"{folder}/part-{uuid.uuid4().hex}.parquet".lstrip("/")
    paths = [f"{base}/{file.path}" for file in group.files]
    # Columns that were added to the table later are null in the files before.
    read = ds.dataset(paths, schema=schema, format=checked_parquet(), filesystem=system)
    with PartWriter(uri, path) as part:
        for batch in read.to_batches():
            part.write(batch)
    _check_rows(group.files, part.staged.rows, uri)
    return part.staged


def _check_rows(files: Sequence[StagedFile], rows: int, where: str) -> None:
    expected = sum(file.rows for file in files)
    if rows != expected:
        raise StoreError(
            "the files to merge hold other rows than the log says",
            where=where,
            expected=counted(expected, "row"),
            found=f"{rows}",
            fix="See assay fsck.",
        )


def post_commit_hooks() -> PostCommitHookProperties:
    """What delta-rs does after a commit: nothing, as it syncs nothing to the disk.

    It would also let a commit that is done fail for a checkpoint that is not.
    """
    from deltalake import PostCommitHookProperties

    return PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
