"""A flat file as a table to count: CSV, JSON lines or Excel, read as `assay init` would read it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from assay.formats.names import OF_PROJECT, column_names
from assay.formats.reader import read
from assay.formats.understand import understand

TEXT = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson"})
"""Endings of files that do not state the types of their columns."""


def is_flat(path: Path) -> bool:
    """Whether the path is one file here that has to be understood first, by its ending."""
    return path.is_file() and ending(path.name) in {*TEXT, ".xlsx"}


def ending(name: str) -> str:
    """The ending of a file's name in small letters, without that of gzip."""
    return Path(name.lower().removesuffix(".gz")).suffix


def write_parquet(path: Path, texts: Collection[str], target: Path) -> None:
    """Write a flat file's rows with the names and the types that a project of it would have.

    Parameters
    ----------
    texts
        Columns, by their names in the project, that are texts however their cells look: some rows
        of a column of codes may look like numbers.

    Raises
    ------
    SourceError
        The file is no table that can be understood.
    """
    found = understand(path)
    names = column_names((each.name for each in found.facts), OF_PROJECT)
    columns = [
        replace(each, kind="string") if names[each.name] in texts else each
        for each in found.table.columns
    ]
    writer = None
    try:
        for rows in read(path, replace(found.table, columns=tuple(columns))):
            named = rows.rename_columns([names[name] for name in rows.column_names])
            writer = writer or pq.ParquetWriter(target, named.schema)
            writer.write_table(named)
    finally:
        if writer is not None:
            writer.close()
