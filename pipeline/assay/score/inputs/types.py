"""Dataclasses that describe a night's input: files, columns, row counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from assay.project.params.inputs import Csv, Delta, Json, Parquet


@dataclass(frozen=True)
class InputFile:
    """A Parquet file of a night.

    Parameters
    ----------
    path
        Absolute, or with a scheme: what `assay.store.delta.location.filesystem` takes.
    size
        Bytes.
    row_groups
        Rows of each row group.
    """

    path: str
    size: int
    row_groups: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(self.row_groups)


@dataclass(frozen=True)
class FileGroup:
    """Files that are read with the same options; CSV files share a header line.

    ``sizes`` of text files are in bytes.
    """

    paths: tuple[str, ...]
    columns: tuple[str, ...] = ()
    header: str | None = None
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class InputTable:
    """One table for Spark to read.

    Parameters
    ----------
    root
        The folder below which folder names give partition columns.
    mixed
        For Parquet: types wide enough for all files, if their types differ.
    spark_schema
        For Delta: the columns to read, as JSON.
    partitioned_by
        For Delta: the columns that come from folder names, because the files lack them.
    """

    spec: Parquet | Csv | Json | Delta
    root: str
    groups: tuple[FileGroup, ...]
    mixed: pa.Schema | None = None
    spark_schema: str = ""
    partitioned_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class NightInput:
    """The input of one night.

    Parameters
    ----------
    value, column
        The partition.
    where
        Its name in errors.
    text
        Whether cells may arrive as text, to be parsed as the contract types them.
    schema
        Columns and types if the files state them, else None.
    files
        Files for Arrow to read that hold exactly the night; None if only Spark can select its rows.
    rows
        Row count from the files' footers; None if not counted yet.
    fingerprint
        Changes when the input changes; empty if changes cannot be detected.
    content
        The same for plain files without the times at which they were written, so that copies of
        the same files have the same one. Empty for other inputs.
    replaceable
        The same for plain files only, which can be replaced while they are read. Empty if there are
        none: a version of a Delta table never changes.
    searched
        Whether ``tables`` also hold other nights, which Spark has to filter out.
    query
        The SQL query over ``tables``, if there is one.
    tables
        Tables for Spark by their name in the query; without a query the name is "".
    """

    value: str
    column: str
    where: str
    text: bool = False
    schema: pa.Schema | None = None
    files: tuple[InputFile, ...] | None = None
    rows: int | None = None
    fingerprint: str = ""
    content: str = ""
    replaceable: str = ""
    searched: bool = False
    query: str = ""
    tables: Mapping[str, InputTable] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What tells this input from another one, wherever a copy of it lies, as far as possible.

        Empty if changes cannot be detected.
        """
        return self.content or self.fingerprint
