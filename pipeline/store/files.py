"""Parquet files on their way into a table: named, written whole, measured.

Everything here can run on a Spark worker; nothing here makes a file visible to readers.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from pipeline.errors import StoreError
from pipeline.store.tables import storable

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*")


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A Parquet file in a table's folder that no commit mentions yet.

    Attributes
    ----------
    path
        Relative to the table, as it is on disk (its folder's name is percent-encoded).
    size
        Bytes.
    rows
        As the file's footer counts them.
    partition
        The partition value, as it is (not encoded).
    """

    path: str
    size: int
    rows: int
    partition: str


def part_path(column: str, partition: str, run_id: str, part: str) -> str:
    """Where a part of a run lies, relative to its table.

    Raises
    ------
    ValueError
        If run or part cannot be told apart again from the file's name, or the partition
        value is empty (Delta would read it back as null).
    """
    if not partition:
        raise ValueError("a partition value cannot be empty")
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"run id {run_id!r}: expected letters, digits, '.', '_' and '-'")
    if not _PART.fullmatch(part):
        raise ValueError(f"part {part!r}: expected letters, digits, '.' and '_'")
    return f"{quote(column, safe='')}={quote(partition, safe='')}/{run_id}-{part}.parquet"


def run_of(path: str) -> str | None:
    """The run that wrote the file, None for a name that no run gives."""
    run_id, dash, _ = PurePosixPath(path).name.rpartition("-")
    return run_id if dash and _RUN_ID.fullmatch(run_id) else None


def filesystem(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system that ``uri`` is on, and the path there."""
    if "://" not in uri:
        return pafs.LocalFileSystem(), uri
    opened: tuple[pafs.FileSystem, str] = pafs.FileSystem.from_uri(uri)
    return opened


class PartWriter:
    """Writes one part batch by batch; the file takes its name only when it is whole.

    ::

        with PartWriter(store.table_uri("predictions"), path) as part:
            part.write(batch)
        staged = part.staged

    An error inside the block leaves no file. Two attempts at one part (Spark retries and
    speculates) may run side by side: the last to end gives the file its content.
    """

    def __init__(self, base_uri: str, relative: str) -> None:
        self.relative = relative
        column, _, value = PurePosixPath(relative).parts[0].partition("=")
        self._column, self._partition = unquote(column), unquote(value)
        self._where = f"{base_uri.rstrip('/')}/{relative}"
        self._rows = 0
        self._staged: StagedFile | None = None
        self._writer: Any = None
        with _told(self._where):
            self._fs, root = filesystem(base_uri)
            self._path = f"{root.rstrip('/')}/{relative}"
            folder, _, name = self._path.rpartition("/")
            # An object store shows an object only once it is whole, and has no rename.
            local = isinstance(self._fs, pafs.LocalFileSystem)
            self._temp = f"{folder}/.{name}.{uuid.uuid4().hex}" if local else self._path
            self._fs.create_dir(folder, recursive=True)

    def write(self, table: pa.Table) -> None:
        """Add rows; every table of a part has the same columns, without the partition's.

        Raises
        ------
        StoreError
            If the file cannot be written or a column has no place in a Delta table.
        """
        if self._column in table.column_names:
            raise StoreError(
                f"the partition column {self._column} is in the rows",
                where=self._where,
                expected="it in the folder's name only",
            )
        with _told(self._where):
            table = table.cast(storable(table.schema))
            if self._writer is None:
                sink = self._fs.open_output_stream(self._temp)
                self._writer = (
                    pq.ParquetWriter(sink, table.schema, compression="zstd"),
                    sink,
                )
            self._writer[0].write_table(table)
            self._rows += table.num_rows

    @property
    def staged(self) -> StagedFile:
        """What was written, once the block has ended."""
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

    def _finish(self) -> None:
        if self._writer is None:
            raise ValueError(f"{self.relative}: nothing was written, not even a table of no rows")
        with _told(self._where):
            for stream in self._writer:
                stream.close()
            with self._fs.open_input_file(self._temp) as source:
                rows = pq.read_metadata(source).num_rows
            if rows != self._rows:
                raise StoreError(
                    "the file holds other rows than were written",
                    where=self._where,
                    expected=f"{self._rows} rows",
                    found=f"{rows}",
                )
            size = self._fs.get_file_info(self._temp).size
            if self._temp != self._path:
                self._fs.move(self._temp, self._path)
        self._staged = StagedFile(self.relative, size, rows, self._partition)

    def _discard(self) -> None:
        # The first error is the one to report; there may be no file to close or delete.
        if self._writer is not None:
            for stream in self._writer:
                with suppress(OSError, pa.ArrowException):
                    stream.close()
        with suppress(OSError):
            self._fs.delete_file(self._temp)


def write_part(base_uri: str, relative: str, table: pa.Table) -> StagedFile:
    """Write one file, whole or not at all.

    Parameters
    ----------
    base_uri
        Of the table: `Store.table_uri`.
    relative
        From `Store.new_file`.
    table
        The rows, without the partition column. Types that Delta lacks are widened.

    Raises
    ------
    StoreError
        If the file cannot be written or a column has no place in a Delta table.
    """
    with PartWriter(base_uri, relative) as part:
        part.write(table)
    return part.staged


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Failures to write, as errors that say where."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            "cannot be written", where=where, found=str(error).partition("\n")[0][:160]
        ) from None
