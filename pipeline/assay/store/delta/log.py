"""The Delta log, read through delta-rs: which files are active in a version of a table."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import StoreError
from assay.store.delta.files import StagedFile
from assay.store.delta.location import storage_options
from assay.store.delta.store_errors import translate_errors

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True, slots=True)
class PartitionView:
    """One partition in the newest version of a table.

    Attributes
    ----------
    files
        The active files.
    turn
        How many times the partition's visible run has changed; see `turn_of`.
    since
        When the last of the files became active, by the clock of the run that committed it.
    """

    files: tuple[StagedFile, ...] = ()
    turn: int = 0
    since: datetime | None = None


def open_table(uri: str, version: int | None = None) -> DeltaTable | None:
    """The table at its newest or a given version, None if there is no table.

    Raises
    ------
    StoreError
        If it is not a readable Delta table, or there is no such version.
    """
    from deltalake import DeltaTable

    unreadable = "is not a readable Delta table"
    local, options = "://" not in uri, storage_options(uri)
    with translate_errors(uri, unreadable):
        if local:
            _check_folder(Path(uri))
            there = _check_commits(Path(uri, "_delta_log"), old=version is not None)
        else:
            there = DeltaTable.is_deltatable(uri, storage_options=options)
    if not there:
        return None
    try:
        with translate_errors(uri, unreadable):
            return DeltaTable(uri, version=version, storage_options=options)
    except StoreError as error:
        newest = None if "://" in uri else newest_commit(Path(uri))
        if newest is None or is_readable_commit(newest):
            raise
        found = f"its newest commit {newest.name} cannot be read: {error.found}"
        raise _unreadable(newest.parent, found) from None


COMMIT = "[0-9]" * 20 + ".json"
"""Glob pattern of commit files."""

_NUMBERED = re.compile(r"([0-9]{20})\.(?:(json)|checkpoint.*\.parquet)")
"""The name of a commit (with the second group) or of a checkpoint, and its version."""


@dataclass(frozen=True, slots=True)
class ActiveFile:
    """An active file of any table; ``path`` is relative to it."""

    path: str
    size: int
    rows: int | None


def newest_commit(table: Path) -> Path | None:
    """The file of a local table's newest commit, None if there is none."""
    return max((table / "_delta_log").glob(COMMIT), default=None)


def missing_commit(folder: Path) -> str | None:
    """The first commit that is missing from a local log, None if the log is complete.

    Commits older than the newest checkpoint are not needed and may have been deleted.
    """
    return _missing(folder, *_versions(folder))


def _versions(folder: Path) -> tuple[set[int], int]:
    """The versions of all commits in a local log, and that of its newest checkpoint, else -1.

    In one listing, because every reader of a table does this, and a log may hold thousands.
    """
    commits, checkpoint = set(), -1
    for found in filter(None, map(_NUMBERED.fullmatch, _names(folder))):
        if found[2]:
            commits.add(int(found[1]))
        else:
            checkpoint = max(checkpoint, int(found[1]))
    return commits, checkpoint


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return [each.name for each in found]
    except FileNotFoundError:
        return []


def _missing(folder: Path, commits: set[int], checkpoint: int) -> str | None:
    for version in range(checkpoint + 1, max(commits, default=-1)):
        name = f"{version:020}.json"
        # Check again by name: a listing made while others commit may miss a file.
        if version not in commits and not (folder / name).exists():
            # Old commits are deleted only after a newer checkpoint exists.
            if version <= _versions(folder)[1]:
                continue
            return name
    return None


def is_readable_commit(commit: Path) -> bool:
    """Whether a commit's file can be parsed: one or more lines of JSON."""
    try:
        lines = commit.read_text(encoding="utf-8").splitlines()
        return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines)
    except (OSError, ValueError):
        return False


def _check_commits(folder: Path, old: bool) -> bool:
    """Whether a local log holds anything; checks the commits that a reader needs.

    Parameters
    ----------
    old
        Also check commits that the newest checkpoint stands for.
    """
    commits, checkpoint = _versions(folder)
    # A power cut can leave an empty commit, which delta-rs takes for one that changes nothing.
    for version in sorted(commits):
        if old or version > checkpoint:
            commit = folder / f"{version:020}.json"
            # A commit may have been deleted since it was listed, once a checkpoint stood for it.
            with suppress(FileNotFoundError):
                if not commit.stat().st_size:
                    raise _unreadable(folder, f"its commit {commit.name} is empty")
    if (name := _missing(folder, commits, checkpoint)) is not None:
        raise _unreadable(folder, f"its commit {name} is missing, and later ones rest on it")
    return bool(commits) or checkpoint >= 0


def _unreadable(folder: Path, found: str) -> StoreError:
    return StoreError(
        "is not a readable Delta table",
        where=str(folder.parent),
        found=found,
        mend="See assay fsck.",
    )


def _check_folder(folder: Path) -> None:
    # For a folder without read permission, and for a file, delta-rs reports "no table".
    for path in (folder.parent, folder, folder / "_delta_log"):
        if path.is_symlink() or path.exists():
            if not path.is_dir():
                raise NotADirectoryError(f"{path} is not a folder")
            if not os.access(path, os.R_OK | os.X_OK):
                raise PermissionError(f"{path} may not be read")


def _actions(table: DeltaTable, column: str, partition: str | None) -> pa.Table:
    with translate_errors(table.table_uri, "its log cannot be read"):
        actions = pa.table(table.get_add_actions(flatten=True))
        if partition is not None:
            # Filter in Arrow, before rows become Python objects: a table may have many partitions.
            actions = actions.filter(pc.equal(actions.column(f"partition.{column}"), partition))
    if actions.column("num_records").null_count:
        raise StoreError("a file's number of rows is not in the log", where=table.table_uri)
    return actions


def partition_files(
    table: DeltaTable, column: str, partition: str | None = None
) -> list[StagedFile]:
    """The active files of a version of the table, of all partitions or of one."""
    return _files(_actions(table, column, partition), column)


def active_paths(table: DeltaTable) -> set[str]:
    """The paths of all active files, relative to the table."""
    with translate_errors(table.table_uri, "its log cannot be read"):
        actions = pa.table(table.get_add_actions())
    return {unquote(path) for path in actions.column("path").to_pylist()}


def active_files(table: DeltaTable) -> list[ActiveFile]:
    """The active files of any table, partitioned or not."""
    with translate_errors(table.table_uri, "its log cannot be read"):
        actions = pa.table(table.get_add_actions()).select(["path", "size_bytes", "num_records"])
    return [
        ActiveFile(unquote(each["path"]), each["size_bytes"], each["num_records"])
        for each in actions.to_pylist()
    ]


def partitions(table: DeltaTable, column: str) -> list[str]:
    """The partition values that have an active file, sorted."""
    values = _actions(table, column, None).column(f"partition.{column}")
    return sorted(pc.unique(values).to_pylist())


def _files(actions: pa.Table, column: str) -> list[StagedFile]:
    # delta-rs percent-encodes paths on writing and returns them encoded.
    return [
        StagedFile(
            unquote(action["path"]),
            action["size_bytes"],
            action["num_records"],
            action[f"partition.{column}"],
        )
        for action in actions.to_pylist()
    ]


def turn_of(table: DeltaTable, partition: str) -> int:
    """How many times the partition's visible run has changed.

    The number grows with every publication, release and retraction, and is part of the commit
    itself. A run that started at one turn and finds another has been overtaken, independent of any
    clock.
    """
    with translate_errors(table.table_uri, "its log cannot be read"):
        return table.transaction_version(turn_app_id(partition)) or 0


def turn_app_id(partition: str) -> str:
    """The name of the transaction counter under which the log stores a partition's turn."""
    return f"assay/{partition}"


def partition_view(table: DeltaTable | None, column: str, partition: str) -> PartitionView:
    """A partition in the opened version of the table; empty if there is no table."""
    if table is None:
        return PartitionView()
    actions = _actions(table, column, partition)
    since = pc.max(actions.column("modification_time")).as_py()
    return PartitionView(
        tuple(_files(actions, column)),
        turn_of(table, partition),
        None if since is None else datetime.fromtimestamp(since / 1000, UTC),
    )


def schema_of(uri: str) -> pa.Schema:
    """The columns of an existing table.

    Raises
    ------
    StoreError
        If there is no table.
    """
    table = open_table(uri)
    if table is None:
        raise StoreError("the table is missing", where=uri)
    return pa.schema(table.schema().to_arrow())
