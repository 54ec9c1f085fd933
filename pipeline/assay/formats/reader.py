"""Reads a table's file as typed Arrow tables, as a `TableFormat` states; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import SourceError
from assay.formats.definition import (
    TYPES,
    ColumnFormat,
    TableFormat,
    as_text,
    kind_of,
    normal,
    spell,
    told,
)
from assay.formats.files.opened_table import OpenedTable, missing_columns, parquet_types
from assay.formats.spelt.cells import all_missing, to_flags, trim
from assay.formats.spelt.numbers import to_numbers
from assay.formats.spelt.times import to_times
from assay.project.text import quote_line, quote_value

_NUMBERS = {"integer", "float"}
LONG = 10_000
"""Rows from which Arrow and NumPy, which need no lock, take longer than Python around them."""

R = TypeVar("R")


def read(path: Path, table: TableFormat) -> Iterator[pa.Table]:
    """The rows of the file, at most 100,000 at a time, with the stated columns in their order.

    Columns are found by their names, or by their places if there is no header; others in the file
    are left out. Types are int64, float64, string, bool and timestamp[us], which is in UTC and has
    no zone.

    Raises
    ------
    SourceError
        The file cannot be read, a column is missing, a row is ragged, or a cell does not read as
        its column's kind.
    """
    yield from typed_tables(OpenedTable(path, table))


def typed_tables(opened: OpenedTable) -> Iterator[pa.Table]:
    """Like `read`, of an opened table."""
    path, table = opened.path, opened.table
    if not table.columns:
        raise SourceError("no column is stated", where=str(path), fix="State the columns.")
    _check_marks(path, table)
    schema = pa.schema([(each.name, TYPES[each.kind]) for each in table.columns])
    wanted, seen = [each.name for each in table.columns], dict[str, None]()
    late = table.format == "json"  # of other formats each batch has all columns
    row = 0
    with ThreadPoolExecutor() as pool:
        for batch in opened.batches():
            seen |= dict.fromkeys(batch)
            if not late and not batch.keys() >= {*wanted}:
                there = parquet_types(path)[1] if table.format == "parquet" else seen
                raise missing_columns(path, wanted, there)
            length = len(next(iter(batch.values()), ()))
            given = [batch[name] if name in batch else pa.nulls(length) for name in wanted]
            tables = for_each(pool, length, _typed, given, table.columns, repeat(table))
            for column, (_, problem) in zip(table.columns, tables, strict=True):
                if problem is not None:
                    raise _bad(opened, column, row, *problem)
            row += length
            yield pa.table([values for values, _ in tables], schema=schema)
    if row and not seen.keys() >= {*wanted}:
        raise missing_columns(path, wanted, seen)


def _check_marks(path: Path, table: TableFormat) -> None:
    for mark, name in ((table.separator, "separator"), (table.quote, "quote")):
        if (mark or name == "separator") and (len(mark) != 1 or not mark.isascii()):
            raise SourceError(
                f"the {name} is not one character of ASCII",
                where=str(path),
                found=quote_value(mark),
                fix='State for example "," or ";".',
            )


Problem = tuple[int | None, str]
"""The place of a bad cell in its batch and its text; or None, and what the column is."""


def _typed(
    values: pa.Array, column: ColumnFormat, table: TableFormat
) -> tuple[pa.Array, Problem | None]:
    """The values as the column's kind, or what keeps them from it."""
    kind = kind_of(values.type)
    if kind is None:
        if table.format == "parquet":
            return values, (None, told(values.type)[0])
        cells = as_text(values)
        place = pc.index(pc.match_substring_regex(cells, r"^[\[{]"), True).as_py()
        return values, (place, cells[place].as_py())
    alike = kind == column.kind or {kind, column.kind} == _NUMBERS
    verbatim = table.format == "parquet" or kind != "string"
    plain = column == ColumnFormat(column.name, column.kind, kept=column.kept)
    words = kind in _NUMBERS and any(re.search(r"\d", word) for word in table.missing)
    if alike and verbatim and (plain or kind != "string") and not words:
        try:
            return normal(values, column.kind), None
        except pa.ArrowInvalid as error:
            return values, (None, str(error))
    digits = kind in _NUMBERS and column.time_format is not None
    texts = "string" in (kind, column.kind)
    if table.format == "parquet" and not (alike or digits or texts):
        return values, (None, told(values.type)[0])
    cells = as_text(values)
    read, bad = convert(cells, column, table.missing)
    return read, None if bad is None else (bad, cells[bad].as_py())


def convert(
    cells: pa.Array, column: ColumnFormat, missing: tuple[str, ...]
) -> tuple[pa.Array, int | None]:
    """The values, and the place of the first cell that does not read as the column's kind.

    Parameters
    ----------
    cells
        Text; a null stays one. Blanks around a cell do not count, in texts either.
    """
    cells = trim(pc.fill_null(cells, ""))
    absent = pc.is_in(cells, all_missing(missing, column))
    cells = pc.if_else(absent, pa.scalar(None, pa.string()), cells)
    if column.kind == "string":
        return cells, None
    if column.kind == "boolean":
        values = to_flags(cells, column)
    elif column.kind == "timestamp":
        values = to_times(cells, column.time_format)
    else:
        values = to_numbers(cells, column)
    if values.null_count == cells.null_count:
        return values, None
    lost = pc.and_(pc.is_null(values), pc.is_valid(cells))
    return values, pc.index(lost, True).as_py()


def _bad(
    opened: OpenedTable, column: ColumnFormat, row: int, place: int | None, shown: str
) -> SourceError:
    if place is None:
        return SourceError(
            f"this column cannot be read as {column.kind}",
            where=f"{opened.path}, {opened.place(row)} or later, column {quote_value(column.name)}",
            expected=spell(column),
            found=shown,
            fix="State the kind that the file has, or leave the column out.",
        )
    return SourceError(
        f"a cell does not read as {column.kind}",
        where=f"{opened.path}, {opened.place(row + place)}, column {quote_value(column.name)}",
        expected=spell(column),
        found=quote_line(shown),
        fix="Fix the cell, or state the column's type as it is, text if nothing else.",
    )


def for_each(
    pool: ThreadPoolExecutor, rows: int, work: Callable[..., R], *columns: Iterable[Any]
) -> list[R]:
    """What ``work`` gives for each column, in threads if the columns are of so many ``rows``."""
    return list((pool.map if rows >= LONG else map)(work, *columns))
