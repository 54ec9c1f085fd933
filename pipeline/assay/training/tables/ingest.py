"""Ingests the source as raw Parquet, one folder a night."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from assay.errors import AssayError, SourceError
from assay.project import layout, partitions, plugins, source_code
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
    for number, table in enumerate(_tables(source, where)):
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
    found: Callable[[], object] = plugins.resolve(name, key=_KEY, root=root)
    plugins.check_call(found, [], where=f"params.yaml: {_KEY}", reference=name)
    return found


def _tables(source: Any, where: str) -> Iterator[pa.Table]:
    try:
        result = source()
        pieces = [result] if isinstance(result, pd.DataFrame | pa.Table) else result
        if not isinstance(pieces, Iterable):
            raise SourceError(
                "the source returned something else than rows",
                where=where,
                expected="a pandas DataFrame, a pyarrow Table or an iterable of them",
                found=type(result).__name__,
            )
        for piece in pieces:
            yield _table(piece, where)
    except (AssayError, MemoryError):
        raise
    except Exception as error:
        place = source_code.raised_at(error)
        raise SourceError(
            f"the source failed with {type(error).__name__}: {error}",
            where=f"{where}{place}",
            fix=None if place else "Call the function in a Python shell to see where.",
        ) from None


def _table(piece: Any, where: str) -> pa.Table:
    if isinstance(piece, pd.DataFrame):
        piece = pa.Table.from_pandas(piece, preserve_index=False)
    if not isinstance(piece, pa.Table):
        raise SourceError(
            "the source returned something else than rows",
            where=where,
            expected="a pandas DataFrame or a pyarrow Table",
            found=type(piece).__name__,
        )
    # Spark cannot read Parquet timestamps in nanoseconds.
    schema = pa.schema(
        pa.field(
            field.name,
            pa.timestamp("us", field.type.tz) if pa.types.is_timestamp(field.type) else field.type,
        )
        for field in piece.schema
    )
    return piece.cast(schema, safe=False)


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
