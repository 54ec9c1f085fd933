"""A night's input: its files, their schema and how many rows they say they hold."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import partitions
from pipeline.contract.model import Contract
from pipeline.contract.schema import check_schema
from pipeline.errors import NightEmpty, NightNotFound, SourceError


@dataclass(frozen=True)
class Night:
    """One partition of the input. ``rows`` is counted from the files' footers alone."""

    root: Path
    folder: Path
    column: str
    value: str
    files: tuple[Path, ...]
    schema: pa.Schema
    rows: int


def find(root: Path, column: str, value: str, contract: Contract) -> Night:
    """Look at a night without reading its rows.

    Raises
    ------
    NightNotFound
        There is no such partition; names the nearest one.
    NightEmpty
        It holds no row.
    SourceError
        A file is not readable as Parquet.
    SchemaMismatch
        A file lacks a column of the contract or has it in another type.
    """
    folder = partitions.folder(root, column, value)
    if not folder.is_dir():
        raise _not_found(root, column, value)
    files = tuple(
        path for path in sorted(folder.iterdir()) if path.is_file() and path.name[0] not in "._"
    )
    rows, schema = 0, pa.schema([])
    for path in files:
        try:
            footer = pq.ParquetFile(path)
            schema, rows = footer.schema_arrow, rows + footer.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                "cannot be read as Parquet",
                where=str(path),
                found=str(error).partition("\n")[0][:120],
                mend="Write the file again at its source.",
            ) from None
        check_schema(contract, schema, str(path))
    if rows == 0:
        raise NightEmpty(
            "the night has no rows",
            where=str(folder),
            expected="at least one row",
            found=f"{len(files)} files, 0 rows",
            mend="Check the export that fills it; nothing was scored.",
        )
    return Night(root, folder, column, value, files, schema, rows)


def _not_found(root: Path, column: str, value: str) -> NightNotFound:
    known = partitions.values(root, column)
    if not known:
        return NightNotFound(
            "the input has no partitions",
            where=str(root),
            expected=f"folders {column}=...",
            mend="Run dvc repro ingest, or check score.input in params.yaml.",
        )
    near = difflib.get_close_matches(value, known, n=1, cutoff=0.1)
    return NightNotFound(
        f"there is no night {column}={value}",
        where=str(root),
        expected=f"one of {len(known)} nights from {known[0]} to {known[-1]}",
        found="none",
        mend=f"The nearest is {near[0]}." if near else None,
    )
