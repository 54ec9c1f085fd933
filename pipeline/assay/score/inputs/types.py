"""A night's input as plain values: its files, their columns, how many rows they say they hold."""

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
        Absolute, or with a scheme: what `assay.store.delta.place.filesystem` takes.
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
    """Files that Spark reads alike; of CSV, those under the same header line."""

    paths: tuple[str, ...]
    columns: tuple[str, ...] = ()
    header: str | None = None


@dataclass(frozen=True)
class InputTable:
    """One table as Spark is to read it.

    Parameters
    ----------
    root
        The folder that partition columns are counted from.
    mixed
        Of Parquet: types wide enough for all files, where not all of them have the same.
    spark_schema
        Of Delta: the columns to read, as JSON.
    partitioned_by
        Of Delta: those of them that the files lack and folders' names tell.
    """

    spec: Parquet | Csv | Json | Delta
    root: str
    groups: tuple[FileGroup, ...]
    mixed: pa.Schema | None = None
    spark_schema: str = ""
    partitioned_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class NightInput:
    """One night of the input.

    Parameters
    ----------
    value, column
        The partition.
    where
        What errors call it.
    text
        Whether cells may arrive as text, to be read as the contract types them.
    schema
        Columns and types where files state them, else None.
    files
        Exactly the files that hold the night and nothing but it, for Arrow to read; None
        where only Spark can tell.
    rows
        What the files' footers count; None where nobody has counted yet.
    fingerprint
        Another for another input; empty where a change could not be told.
    replaceable
        The same for what can be replaced in place while it is read: plain files. Empty where
        there is none, as a version of a Delta table stays what it is.
    searched
        Whether ``tables`` hold other nights too, which Spark has to leave out.
    query
        What Spark is asked, where it is a query over ``tables``.
    tables
        What Spark reads, by the name that a query has for it; without a query the name is "".
    """

    value: str
    column: str
    where: str
    text: bool = False
    schema: pa.Schema | None = None
    files: tuple[InputFile, ...] | None = None
    rows: int | None = None
    fingerprint: str = ""
    replaceable: str = ""
    searched: bool = False
    query: str = ""
    tables: Mapping[str, InputTable] = field(default_factory=dict)
