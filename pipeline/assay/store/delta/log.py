"""The Delta log, read through delta-rs: which files are active in a version of a table."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import StoreError
from assay.store.delta import log_files
from assay.store.delta.location import StagedFile, storage_options, translate_errors
from assay.store.delta.log_files import BucketState, LogState
from assay.store.delta.tables import texts

if TYPE_CHECKING:
    from deltalake import DeltaTable


Found = TypeVar("Found")

UNREADABLE = "is not a readable Delta table"


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
    bars
        Whether any run is `barred`; only where turns are looked up.
    """

    files: tuple[StagedFile, ...] = ()
    turn: int = 0
    since: datetime | None = None
    bars: bool = False


def open_table(uri: str, version: int | None = None) -> DeltaTable | None:
    """The table at its newest or a given version to read, None if there is no table.

    While nothing changes in a log, every call for its newest version returns the same table: a
    command asks many times, and each log is replayed once. So do not change the table through it,
    and ask again after a commit.

    Raises
    ------
    StoreError
        If it is not a readable Delta table, or there is no such version.
    """
    remote = "://" in uri
    if version is not None:
        return _open_remote(uri, version) if remote else _open_local(uri, _look(uri), version)
    kept = _KEPT.get(uri)
    if kept is not None and kept.state.is_current():
        return kept.table
    state: LogState | BucketState | None
    if remote:
        table = _open_remote(uri)
        state = None if table is None else log_files.read_bucket_state(uri, table.version())
    else:
        # Looked at before it is opened: what changes meanwhile shows at the next call.
        state = _look(uri)
        table = _open_local(uri, state)
        if table is not None and state.listing.newest != table.version():
            state = None
    if table is not None and state is not None:
        _KEPT[uri] = _Kept(table, state)
    return table


def open_to_write(uri: str) -> DeltaTable | None:
    """The table at its newest version for one writer, who changes it; else as `open_table`."""
    return _open_remote(uri) if "://" in uri else _open_local(uri, _look(uri))


@dataclass(frozen=True, slots=True)
class _Kept:
    """An opened table, how its log looked, and by name what readers made of this version."""

    table: DeltaTable
    state: LogState | BucketState
    facts: dict[str, Any] = field(default_factory=dict)


def kept_facts(uri: str, table: DeltaTable | None) -> dict[str, Any]:
    """Where readers may keep by name what they made of a table of `open_table`.

    It is forgotten when the table has a new version, or at once if the table itself is not kept.
    """
    kept = _KEPT.get(uri)
    return kept.facts if kept is not None and kept.table is table else {}


def keep(uri: str, table: DeltaTable | None, name: str, make: Callable[[], Found]) -> Found:
    """What `kept_facts` has under a name, made now if it is not there yet."""
    facts = kept_facts(uri, table)
    if name not in facts:
        facts[name] = make()
    fact: Found = facts[name]
    return fact


_KEPT: dict[str, _Kept] = {}
"""The tables that readers of this process share, by address."""


def _open_local(uri: str, state: LogState, version: int | None = None) -> DeltaTable | None:
    """A table in a folder, from a log that was looked at just before."""
    listing, folder = state.listing, state.folder
    log_files.check_commits(folder, listing, old=version is not None)
    if listing.newest < 0:
        return None
    try:
        with translate_errors(uri, UNREADABLE):
            return _opened(uri, version)
    except StoreError as error:
        newest = log_files.newest_commit(Path(uri))
        if newest is None or log_files.is_readable_commit(newest):
            raise
        found = f"its newest commit {newest.name} cannot be read: {error.found}"
        raise log_files.unreadable(newest.parent, found) from None


def _look(uri: str) -> LogState:
    with translate_errors(uri, UNREADABLE):
        _check_folder(Path(uri))
        return log_files.read_state(Path(uri, "_delta_log"))


def _open_remote(uri: str, version: int | None = None) -> DeltaTable | None:
    from deltalake.exceptions import TableNotFoundError

    # Opened without asking `DeltaTable.is_deltatable` first, which stops every other thread for
    # as long as a bucket does not answer.
    with translate_errors(uri, UNREADABLE), suppress(TableNotFoundError):
        return _opened(uri, version)
    return None


def _opened(uri: str, version: int | None) -> DeltaTable:
    from deltalake import DeltaTable

    return DeltaTable(uri, version=version, storage_options=storage_options(uri))


def _check_folder(folder: Path) -> None:
    # For a folder without read permission, and for a file, delta-rs reports "no table".
    for path in (folder.parent, folder, folder / "_delta_log"):
        if path.is_symlink() or path.exists():
            if not path.is_dir():
                raise NotADirectoryError(f"{path} is not a folder")
            if not os.access(path, os.R_OK | os.X_OK):
                raise PermissionError(f"{path} may not be read")


def add_actions(table: DeltaTable) -> pa.Table:
    """The active files of a table with their partition values and statistics, a row a file."""
    with translate_errors(table.table_uri, "its log cannot be read"):
        # `pyarrow.table` would import pandas, which takes longer than the log.
        return pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()


def _of_partitions(
    table: DeltaTable, actions: pa.Table, column: str, partition: str | Sequence[str] | None
) -> pa.Table:
    if partition is not None:
        # Filter in Arrow, before rows become Python objects: a table may have many partitions.
        wanted = [partition] if isinstance(partition, str) else list(partition)
        actions = actions.filter(pc.is_in(actions.column(f"partition.{column}"), texts(wanted)))
    if actions.column("num_records").null_count:
        raise StoreError("a file's number of rows is not in the log", where=table.table_uri)
    return actions


def partition_files(
    table: DeltaTable, column: str, partition: str | Sequence[str] | None = None
) -> list[StagedFile]:
    """The active files of a version of the table, of all partitions or of some."""
    return _files(
        _of_partitions(table, add_actions(table), column, partition), f"partition.{column}"
    )


def active_paths(table: DeltaTable) -> set[str]:
    """The paths of all active files, relative to the table."""
    return {unquote(path) for path in add_actions(table).column("path").to_pylist()}


def active_files(table: DeltaTable) -> list[StagedFile]:
    """The active files of any table, partitioned or not, without their partition values."""
    return _files(add_actions(table))


def partitions(table: DeltaTable, column: str) -> list[str]:
    """The partition values that have an active file, sorted."""
    values = _of_partitions(table, add_actions(table), column, None).column(f"partition.{column}")
    return sorted(pc.unique(values).to_pylist())


def read_partitions(uri: str, column: str) -> Sequence[str]:
    """As `partitions`, of the newest version of a table; none if there is no table."""
    table = open_table(uri)
    if table is None:
        return ()
    return keep(uri, table, f"values of {column}", lambda: tuple(partitions(table, column)))


def _files(actions: pa.Table, *partition: str) -> list[StagedFile]:
    # delta-rs percent-encodes paths on writing and returns them encoded.
    names = ["path", "size_bytes", "num_records", *partition]
    columns = (actions.column(name).to_pylist() for name in names)
    return [StagedFile(unquote(path), *others) for path, *others in zip(*columns, strict=True)]


def turn_of(table: DeltaTable, partition: str) -> int:
    """How many times the partition's visible run has changed.

    The number grows with every publication, release and retraction, and is part of the commit
    itself. A run that started at one turn and finds another has been overtaken, independent of any
    clock.
    """
    with translate_errors(table.table_uri, "its log cannot be read"):
        return table.transaction_version(turn_app_id(partition)) or 0


EMPTIED = ""
"""Stands for all partitions in the name of a turn: it is set once one of them was left without
files. Until then only partitions with files have turns, so that those of new nights need not be
looked up, which takes the longer, the more nights there are."""


def turn_app_id(partition: str) -> str:
    """The name of the transaction counter under which the log stores a partition's turn."""
    return f"assay/{partition}"


FORGOTTEN = "assay-forgotten/"
"""How the name of the counter begins under which the log stores `forgotten_rows` of a run."""


def forgotten_rows(table: DeltaTable, run_id: str) -> int:
    """How many rows of a run were forgotten in this table, by the commits that did it."""
    with translate_errors(table.table_uri, "its log cannot be read"):
        return table.transaction_version(FORGOTTEN + run_id) or 0


BARRED = "assay-barred/"
"""How the name of the counter begins under which the log of a table says that a run is `barred`;
the name alone is counted once there is any, so "" stands for any run."""


def barred(table: DeltaTable | None, runs: Collection[str]) -> set[str]:
    """Those of the runs that cannot be published, as rows were taken out of their files before."""
    if table is None or not runs:
        return set()
    with translate_errors(table.table_uri, "its log cannot be read"):
        if not table.transaction_version(BARRED):
            return set()
        return {run for run in runs if not run or table.transaction_version(BARRED + run)}


def partition_view(table: DeltaTable | None, column: str, partition: str) -> PartitionView:
    """A partition in the opened version of the table; empty if there is no table."""
    return partition_views(table, column, [partition])[partition]


def partition_views(
    table: DeltaTable | None, column: str, partitions: Sequence[str], turns: bool = True
) -> dict[str, PartitionView]:
    """Partitions in the opened version of the table; empty ones if there is no table.

    Parameters
    ----------
    turns
        Whether to look up turns, which takes half a millisecond each; else they are 0.
    """
    if table is None or not partitions:
        return {name: PartitionView() for name in partitions}
    return _views(table, add_actions(table), column, partitions, turns)


def _views(
    table: DeltaTable, actions: pa.Table, column: str, partitions: Sequence[str], turns: bool
) -> dict[str, PartitionView]:
    actions = _of_partitions(table, actions, column, partitions)
    files: dict[str, list[StagedFile]] = {name: [] for name in partitions}
    since: dict[str, int] = {}
    times = actions.column("modification_time").to_pylist()
    for file, time in zip(_files(actions, f"partition.{column}"), times, strict=True):
        files[file.partition].append(file)
        since[file.partition] = max(time, since.get(file.partition, time))
    emptied = turns and not all(files.values()) and turn_of(table, EMPTIED) > 0
    bars = turns and bool(barred(table, [""]))
    return {
        name: PartitionView(
            tuple(files[name]),
            turn_of(table, name) if turns and (files[name] or emptied) else 0,
            datetime.fromtimestamp(since[name] / 1000, UTC) if name in since else None,
            bars,
        )
        for name in partitions
    }


def read_partition_views(
    uri: str, column: str, partitions: Sequence[str], turns: bool = True
) -> Mapping[str, PartitionView]:
    """As `partition_views`, in the newest version of a table; each partition is looked up once.

    For each partition's turn delta-rs would read the log again.
    """
    table = open_table(uri)
    views = keep(uri, table, f"views by {column}, {turns}", dict[str, PartitionView])
    unknown = [name for name in partitions if name not in views]
    if unknown and table is not None:
        actions = keep(uri, table, "actions", lambda: add_actions(table))
        views |= _views(table, actions, column, unknown, turns)
    return {name: views.get(name, PartitionView()) for name in partitions}


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
