"""Write Parquet files that get their final name only when they are complete.

Everything here can run on a Spark worker; nothing here makes a file visible to readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from assay.errors import StoreError
from assay.project.text import counted
from assay.store.delta import fsync
from assay.store.delta.location import (
    StagedFile,
    filesystem,
    parse_partition,
    temporary_path,
    translate_errors,
)
from assay.store.delta.tables import to_delta_schema

ROW_GROUP_BYTES = 16 * 1024 * 1024
"""Rows are buffered up to this size, then written as one row group: readers skip and split by row
groups, and Arrow would make one of each batch."""


class PartWriter:
    """Writes one part batch by batch; the file gets its final name only when it is complete.

    ::

        with PartWriter(store.table_uri("predictions"), path) as part:
            part.write(batch)
        staged = part.staged

    An error inside the block leaves no file. Two attempts at one part (Spark retries and
    speculates) may run at the same time: the last one to finish determines the file's content.
    """

    def __init__(self, base_uri: str, relative: str) -> None:
        self.relative = relative
        self._column, self._partition = parse_partition(relative)
        self._where = f"{base_uri.rstrip('/')}/{relative}"
        self._rows = 0
        self._held: list[pa.Table] = []
        self._held_bytes = 0
        self._staged: StagedFile | None = None
        self._writer: Any = None
        self._sink: Any = None
        with translate_errors(self._where, "cannot be written"):
            self._fs, root = filesystem(base_uri)
            self._path = self._temp = f"{root.rstrip('/')}/{relative}"
            # An object store lists an object only once it is complete, and has no rename.
            if isinstance(self._fs, pafs.LocalFileSystem):
                self._temp = temporary_path(self._path)
                self._fs.create_dir(self._path.rpartition("/")[0], recursive=True)

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add rows. All rows of a part have the same columns, without the partition column.

        A dictionary-encoded column, which is cheap when every row has the same value, is written as
        it is; readers see plain values.

        Raises
        ------
        StoreError
            If the file cannot be written, or the partition column is among the columns.
        """
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        if self._column in table.column_names:
            raise StoreError(
                f"the partition column {self._column} is in the rows",
                where=self._where,
                expected="it in the folder's name only",
            )
        with translate_errors(self._where, "cannot be written"):
            schema = _written(table.schema)
            table = table if table.schema.equals(schema) else table.cast(schema)
            if self._writer is None:
                self._sink = self._fs.open_output_stream(self._temp)
                self._writer = pq.ParquetWriter(self._sink, schema, **_format(table))
            self._held.append(table)
            self._held_bytes += table.nbytes
            self._rows += table.num_rows
            if self._held_bytes >= ROW_GROUP_BYTES:
                self._flush()

    @property
    def staged(self) -> StagedFile:
        """The written file; available after the block has ended."""
        if self._staged is None:
            raise ValueError(f"{self.relative} is not written yet")
        return self._staged

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            if self._staged is None:
                self._discard()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(_joined(self._held))
        self._held, self._held_bytes = [], 0

    def _finish(self) -> None:
        if self._writer is None:
            raise ValueError(f"{self.relative}: nothing was written, not even a table of no rows")
        with translate_errors(self._where, "cannot be written"):
            self._flush()
            self._writer.close()
            self._sink.close()
            with self._fs.open_input_file(self._temp) as source:
                rows, size = pq.read_metadata(source).num_rows, source.size()
            if rows != self._rows:
                raise StoreError(
                    "the file holds other rows than were written",
                    where=self._where,
                    expected=counted(self._rows, "row"),
                    found=f"{rows}",
                )
            if self._temp != self._path:
                fsync.begin_writing(self._temp)
                self._fs.move(self._temp, self._path)
        self._staged = StagedFile(self.relative, size, rows, self._partition)

    def _discard(self) -> None:
        if self._sink is None:
            return
        # Report the first error; closing may fail for the same reason.
        for stream in filter(None, (self._writer, self._sink)):
            with suppress(OSError, pa.ArrowException):
                stream.close()
        with suppress(OSError):
            self._fs.delete_file(self._temp)


def write_part(base_uri: str, relative: str, table: pa.Table) -> StagedFile:
    """Write one file, complete or not at all.

    Parameters
    ----------
    base_uri
        Of the table: `Store.table_uri`.
    relative
        From `Store.part_path_for`.
    table
        The rows, without the partition column. Types that Delta lacks are widened.
    """
    with PartWriter(base_uri, relative) as part:
        part.write(table)
    return part.staged


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """One table, with one dictionary a column if small: of several, Arrow writes the values."""
    rows = pa.concat_tables(tables)
    coded = [each for each in rows.columns if pa.types.is_dictionary(each.type)]
    return rows.unify_dictionaries() if all(map(_repeats, coded)) else rows


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether a dictionary-encoded column has few values, each of them often."""
    return 8 * sum(len(chunk.dictionary) for chunk in column.chunks) <= len(column)


def _written(schema: pa.Schema) -> pa.Schema:
    """The types for the Parquet writer: storable ones, with dictionary encoding kept."""
    fields = []
    for given, plain in zip(schema, to_delta_schema(schema), strict=True):
        kind = plain.type
        if pa.types.is_dictionary(given.type):
            kind = pa.dictionary(given.type.index_type, kind)
        fields.append(pa.field(plain.name, kind, given.nullable))
    return pa.schema(fields)


def _format(rows: pa.Table) -> dict[str, Any]:
    """How columns like these are encoded. Measured: see docs/tables.md.

    Dictionary encoding is used only where values are known or likely to repeat, because building a
    dictionary of distinct numbers takes longer than writing them; places in a small dictionary are
    compressed as numbers are. Statistics are not written: the key columns are not sorted, and
    Delta's log has the row counts.
    """
    leaves = {leaf: kind for each in rows.schema for leaf, kind in _leaves(each.name, each.type)}
    texts = {leaf for leaf, kind in leaves.items() if _is_text(kind)}
    repeats = {leaf for leaf, kind in leaves.items() if pa.types.is_dictionary(kind)}
    long = texts - {leaf for leaf in repeats if _repeats(rows.column(leaf))}
    return {
        "store_schema": False,  # or readers that know Arrow would see dictionaries again
        "write_batch_size": 4096,  # and not Arrow's 1,024, each of which costs something
        "compression": {leaf: "zstd" if leaf in long else "snappy" for leaf in leaves},
        "use_dictionary": sorted(texts | repeats),
        "write_statistics": False,
        "write_page_checksum": True,  # detects changed bytes on the disk
    }


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """The columns that Parquet makes of one, by their paths."""
    if pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for part in kind:
            yield from _leaves(f"{path}.{part.name}", part.type)
    else:
        yield path, kind


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))
