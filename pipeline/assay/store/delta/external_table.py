"""Delta tables written by others, read as one pinned version of plain Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import SourceError, StoreError
from assay.store.delta.location import translate_errors
from assay.store.delta.log import add_actions, open_table

if TYPE_CHECKING:
    from deltalake import DeltaTable

READABLE = frozenset({"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"})
"""Table features under which the Parquet files can be read without further interpretation."""


@dataclass(frozen=True)
class ExternalFile:
    """An active file; ``path`` is relative to the table, ``rows`` None if the log has no count."""

    path: str
    size: int
    written: int
    rows: int | None
    values: tuple[str | None, ...]


@dataclass(frozen=True)
class TableSnapshot:
    """One version of a table.

    Parameters
    ----------
    identity
        The table's own id, which no copy with other data shares.
    partitioned_by
        Partition columns, which the files lack; `ExternalFile.values` are in this order.
    schema
        All columns of the table.
    """

    uri: str
    identity: str
    version: int
    partitioned_by: tuple[str, ...]
    schema: pa.Schema
    files: tuple[ExternalFile, ...]


def read_snapshot(uri: str) -> TableSnapshot:
    """The newest version of the table at ``uri``.

    Raises
    ------
    SourceError
        There is no table, it cannot be read, or its files need more than a Parquet reader.
    """
    try:
        table = open_table(uri)
        if table is not None:
            _check_features(table, uri)
            with translate_errors(uri, "its log cannot be read"):
                return _snapshot(table, uri)
    except StoreError as error:
        raise SourceError(
            error.what,
            where=uri,
            found=error.found,
            fix="Check score.input in params.yaml, AWS_ENDPOINT_URL and the keys."
            if "://" in uri
            else "Check score.input in params.yaml.",
        ) from None
    raise SourceError(
        "there is no Delta table",
        where=uri,
        expected="a folder with a _delta_log",
        fix="Check score.input in params.yaml.",
    )


def unreadable_features(table: DeltaTable) -> list[str]:
    """The features of a table under which its Parquet files are not simply its rows."""
    protocol, settings = table.protocol(), table.metadata().configuration
    needs = set(protocol.reader_features or ()) - READABLE
    if settings.get("delta.columnMapping.mode", "none") != "none":
        needs.add("columnMapping")
    else:
        needs.discard("columnMapping")
    return sorted(needs)


def _check_features(table: DeltaTable, uri: str) -> None:
    if needs := unreadable_features(table):
        raise SourceError(
            "the Delta table has features that Assay cannot read",
            where=uri,
            found=", ".join(needs),
            fix="Drop them (ALTER TABLE ... DROP FEATURE), or give Assay a copy without them.",
        )


def _snapshot(table: DeltaTable, uri: str) -> TableSnapshot:
    metadata, actions = table.metadata(), add_actions(table)
    by = tuple(metadata.partition_columns)

    def cells(name: str, kind: pa.DataType) -> list[Any]:
        if name not in actions.schema.names:
            return [None] * actions.num_rows
        snapshot: list[Any] = pc.cast(actions.column(name), kind).to_pylist()
        return snapshot

    values = [cells(f"partition.{name}", pa.string()) for name in by]
    of_files = list(zip(*values, strict=True)) if by else [()] * actions.num_rows
    files = [
        # delta-rs returns paths percent-encoded, as the log holds them.
        ExternalFile(unquote(path), size, written, rows, of_file)
        for path, size, written, rows, of_file in zip(
            cells("path", pa.string()),
            cells("size_bytes", pa.int64()),
            cells("modification_time", pa.int64()),
            cells("num_records", pa.int64()),
            of_files,
            strict=True,
        )
    ]
    return TableSnapshot(
        uri=uri,
        identity=str(metadata.id),
        version=table.version(),
        partitioned_by=by,
        schema=pa.schema(table.schema().to_arrow()),
        files=tuple(sorted(files, key=lambda file: file.path)),
    )
