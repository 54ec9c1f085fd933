"""The Delta log, through delta-rs: what is active, and one commit at a time."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

import pyarrow as pa

from pipeline.errors import StoreError
from pipeline.store.files import StagedFile
from pipeline.store.tables import storable

if TYPE_CHECKING:
    from deltalake import DeltaTable

ATTEMPTS = 12
"""How often a commit is tried against writers that get there first."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit adds, and which active files it removes."""

    add: Sequence[StagedFile]
    remove: Sequence[StagedFile]


Plan: TypeAlias = Callable[[Sequence[StagedFile]], Change]


@contextmanager
def told(uri: str, what: str) -> Iterator[None]:
    """Whatever delta-rs raises, as one line that names the table."""
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, OSError, pa.ArrowException, ValueError) as error:
        raise StoreError(
            what,
            where=uri,
            found=_first_line(error),
            mend="Check the folder, its permissions and store in params.yaml.",
        ) from None


def _first_line(error: Exception) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    return text.partition("\n")[0].strip()[:160] or type(error).__name__


def open_table(uri: str) -> DeltaTable | None:
    """The table at its newest version, None if there is none.

    Raises
    ------
    StoreError
        If something is there that is no readable Delta table.
    """
    from deltalake import DeltaTable

    with told(uri, "is not a readable Delta table"):
        if "://" not in uri:
            _check_folder(Path(uri))
        return DeltaTable(uri) if DeltaTable.is_deltatable(uri) else None


def _check_folder(folder: Path) -> None:
    # delta-rs says "no table" of a folder that it may not read, and of a file.
    for path in (folder.parent, folder, folder / "_delta_log"):
        if path.is_symlink() or path.exists():
            if not path.is_dir():
                raise NotADirectoryError(f"{path} is not a folder")
            if not os.access(path, os.R_OK | os.X_OK):
                raise PermissionError(f"{path} may not be read")


def active(table: DeltaTable, column: str, partition: str | None = None) -> list[StagedFile]:
    """The files that the table's newest version is made of, all or those of one partition."""
    with told(table.table_uri, "its log cannot be read"):
        actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    if any(action["num_records"] is None for action in actions):
        raise StoreError("a file's number of rows is not in the log", where=table.table_uri)
    # delta-rs encodes the paths that it is given, and gives them back encoded.
    files = [
        StagedFile(
            unquote(action["path"]),
            action["size_bytes"],
            action["num_records"],
            action[f"partition.{column}"],
        )
        for action in actions
    ]
    return [file for file in files if partition is None or file.partition == partition]


def commit(
    uri: str, schema: pa.Schema, column: str, plan: Plan, metadata: Mapping[str, str]
) -> None:
    """Change which files are active in one commit; the first one makes the table.

    delta-rs, left to itself, commits an overwrite that was planned on an old version after
    someone else's, and both stay: two copies of every row. So each attempt plans on the
    newest version and may only become the very next one.

    Raises
    ------
    StoreError
        If the table has other columns, cannot be written, or others kept committing first.
    """
    from deltalake import CommitProperties
    from deltalake.exceptions import DeltaError

    properties = CommitProperties(custom_metadata=dict(metadata), max_commit_retries=0)
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))
        table = open_table(uri)
        try:
            if table is None:
                _create(uri, schema, column, plan(()).add, properties)
            else:
                _check_schema(table, schema, column)
                _change(table, schema, column, plan(active(table, column)), properties)
            return
        except (DeltaError, OSError):
            # If the table moved on in the meantime, someone else was first: plan again.
            if _version(open_table(uri)) == _version(table):
                with told(uri, "cannot be written"):
                    raise
    raise StoreError(
        "could not be committed to",
        where=uri,
        found=f"other writers committed first, {ATTEMPTS} times in a row",
        mend="Run again; nothing became visible.",
    )


def _version(table: DeltaTable | None) -> int | None:
    return None if table is None else table.version()


def _create(
    uri: str, schema: pa.Schema, column: str, files: Sequence[StagedFile], properties: Any
) -> None:
    from deltalake import Schema
    from deltalake.transaction import create_table_with_add_actions

    create_table_with_add_actions(
        uri,
        Schema.from_arrow(schema),
        [_add(file, column) for file in files],
        mode="error",
        partition_by=[column],
        commit_properties=properties,
    )


def _change(
    table: DeltaTable, schema: pa.Schema, column: str, change: Change, properties: Any
) -> None:
    from deltalake import Schema
    from deltalake.transaction import RemoveAction

    now = int(time.time() * 1000)
    removed = [
        RemoveAction(file.path, True, now, file.size, {column: file.partition})
        for file in change.remove
    ]
    actions = [*removed, *(_add(file, column) for file in change.add)]
    if actions:
        # "append" because the files to remove are named one by one, not found by a filter.
        table.create_write_transaction(
            actions, "append", Schema.from_arrow(schema), [column], commit_properties=properties
        )


def _add(file: StagedFile, column: str) -> Any:
    from deltalake.transaction import AddAction

    stats = json.dumps({"numRecords": file.rows})
    now = int(time.time() * 1000)
    return AddAction(file.path, file.size, {column: file.partition}, now, True, stats)


def _check_schema(table: DeltaTable, schema: pa.Schema, column: str) -> None:
    from deltalake import Schema

    where = table.table_uri
    if table.metadata().partition_columns != [column]:
        raise StoreError(
            "is partitioned otherwise",
            where=where,
            expected=f"by {column}",
            found=f"by {', '.join(table.metadata().partition_columns) or 'nothing'}",
            mend="Keep ingest.partition_by, or give the new one a store of its own.",
        )
    has = _types(table.schema())
    wants = _types(Schema.from_arrow(schema))
    wrong = [f"{name}: missing in the table" for name in wants.keys() - has.keys()]
    wrong += [f"{name}: missing in the run" for name in has.keys() - wants.keys()]
    wrong += [
        f"{name}: {kind} in the table, {wants[name]} in the run"
        for name, kind in has.items()
        if name in wants and wants[name] != kind
    ]
    if wrong:
        raise StoreError(
            f"its columns are not those of the run: {'; '.join(sorted(wrong))}",
            where=where,
            mend="Keep the contract's keys, or give the new contract a store of its own.",
        )


def _types(schema: Any) -> dict[str, str]:
    fields = json.loads(schema.to_json())["fields"]
    return {field["name"]: _type(field["type"]) for field in fields}


def _type(kind: Any) -> str:
    # A nested type says which parts may be null; no difference that matters here.
    return f"list of {_type(kind['elementType'])}" if isinstance(kind, dict) else str(kind)


def append(uri: str, table: pa.Table, column: str | None = None) -> None:
    """Add rows in one commit, making the table if need be.

    Raises
    ------
    StoreError
        If the table has other columns or cannot be written.
    """
    from deltalake import write_deltalake

    partition_by = None if column is None else [column]
    for last in (False, True):
        absent = open_table(uri) is None
        try:
            with told(uri, "cannot be written"):
                write_deltalake(uri, table, mode="append", partition_by=partition_by)
            return
        except StoreError:
            # Lost the race to create it? Then appending works now.
            if last or not absent or open_table(uri) is None:
                raise


def read(table: DeltaTable, schema: pa.Schema | None, filters: Mapping[str, str]) -> pa.Table:
    """Rows whose columns equal ``filters``, as ``schema`` types them if it is given."""
    with told(table.table_uri, "cannot be read"):
        wanted: Any = [(name, "=", value) for name, value in filters.items()]
        rows = table.to_pyarrow_table(filters=wanted or None)
        target = storable(rows.schema) if schema is None else schema
        return rows.select(target.names).cast(target)
