"""Nights of any size: the year of flights again and again, each time with fresh keys.

A copy is moved by a whole number of weeks that is longer than the year, so no key comes
twice, and clock, weekday and every other rule of the contract hold in each copy as they do
in the first.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

TIME = "scheduled"
SHIFT = timedelta(weeks=53)
FILE_ROWS = 1_000_000
GROUPS = 2
"""Row groups a file: half a million rows each in a night of some millions."""


def year(raw: Path, column: str) -> pa.Table:
    """The flights as `assay stage ingest` left them, in the order of their nights.

    Parameters
    ----------
    column
        The partition's, which is in the folders' names and not wanted.
    """
    table = ds.dataset(raw, partitioning="hive").to_table()
    return table.sort_by(TIME).drop_columns([column])


def rows_of(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    """``rows`` rows in copies of ``table``, each later than the one before."""
    place, copy = table.schema.get_field_index(TIME), 0
    while rows > 0:
        moved = pc.add(table.column(TIME), pa.scalar(copy * SHIFT, pa.duration("us")))
        part = table.set_column(place, table.schema.field(TIME), moved).slice(0, rows)
        yield part
        rows -= part.num_rows
        copy += 1


def files_of(parts: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in pieces of ``rows``."""
    held: list[pa.Table] = []
    count = 0
    for part in parts:
        held.append(part)
        count += part.num_rows
        while count >= rows:
            joined = pa.concat_tables(held)
            yield joined.slice(0, rows)
            held, count = [joined.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(held)


def make(folder: Path, column: str, table: pa.Table, rows: int) -> str:
    """Write a night unless it is there; its value, the day of its newest row.

    Parameters
    ----------
    folder
        Holds nights, one folder each, as a job of Spark or Arrow would leave them.
    """
    copies, rest = divmod(rows - 1, table.num_rows)
    newest = pc.max(table.column(TIME).slice(0, rest + 1)).as_py() + copies * SHIFT
    if copies:
        newest = max(newest, pc.max(table.column(TIME)).as_py() + (copies - 1) * SHIFT)
    night = folder / f"{column}={newest.date()}"
    if not night.exists():
        partial = folder.parent / f"{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        size = min(FILE_ROWS, -(-rows // 2))
        for number, piece in enumerate(files_of(rows_of(table, rows), size)):
            pq.write_table(
                piece,
                partial / f"part-{number:05d}.parquet",
                row_group_size=-(-size // GROUPS),
                compression="snappy",
            )
        folder.mkdir(exist_ok=True)
        partial.rename(night)
    return str(newest.date())
