"""Ingests the source as raw Parquet, one folder a night."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.errors import SourceError
from assay.formats.source import tables
from assay.project import layout, partitions, plugins
from assay.project.params import Params
from assay.project.text import counted, mark_blanks

_KEY = "ingest.source"


@dataclass(frozen=True)
class IngestSummary:
    """Number of rows and nights that the source returned."""

    rows: int
    nights: int
    first: str
    last: str

    def document(self) -> dict[str, Any]:
        return {"rows": self.rows, "nights": self.nights, "from": self.first, "to": self.last}


def run(root: Path, params: Params) -> IngestSummary:
    """Call ``ingest.source`` and write its rows to ``data/raw``.

    The source is a function without arguments that returns a pandas DataFrame, a pyarrow Table, or
    an iterable of either.

    Raises
    ------
    PluginError
        The function cannot be imported, or asks for arguments.
    SourceError
        The function failed, or did not return rows with a night.
    """
    with partitions.replace_folder(root / layout.RAW) as made:
        return read_source(root, params, made)


def read_source(root: Path, params: Params, made: Path) -> IngestSummary:
    """Write the source's rows to the empty folder ``made``; raises as `run`."""
    column, source = params.ingest.partition_by, load_source(root, params)
    where = f"params.yaml: {_KEY}: {params.ingest.source}"
    rows = 0
    for number, table in enumerate(tables(source, where)):
        partitions.write(_checked(table, column, where), made, column, f"part-{number:05d}")
        rows += table.num_rows
    nights = partitions.values(made, column)
    if rows == 0:
        raise SourceError("the source returned no rows", where=where)
    return IngestSummary(rows, len(nights), nights[0], nights[-1])


def load_source(root: Path, params: Params) -> Callable[[], object]:
    """The function that ``ingest.source`` names.

    Raises
    ------
    PluginError
        It cannot be imported, is no function, or asks for arguments.
    """
    name = params.ingest.source
    source: Callable[[], object] = plugins.resolve(name, key=_KEY, root=root)
    plugins.check_call(source, [], where=f"params.yaml: {_KEY}", reference=name)
    return source


def _checked(table: pa.Table, column: str, where: str) -> pa.Table:
    if column not in table.column_names:
        raise SourceError(
            "no column says which night a row belongs to",
            where=where,
            expected=f"a column '{column}' (ingest.partition_by)",
            found=", ".join(map(mark_blanks, table.column_names)),
        )
    missing = table.column(column).null_count
    if missing:
        raise SourceError(
            f"{counted(missing, 'row')} without the night that they belong to",
            where=where,
            expected=f"a value in '{column}'",
            found="nulls",
        )
    return table
