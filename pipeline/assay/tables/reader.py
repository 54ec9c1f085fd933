"""Reads a table's file as typed Arrow tables, as a `TableFormat` states; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from types import NoneType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.errors import SourceError
from assay.project.text.quoting import quote_value
from assay.tables.definition import ColumnFormat, Kind, TableFormat
from assay.tables.files.csv_rows import text_batches
from assay.tables.files.csv_text import Dialect, Layout, layout, lines_of, ragged_error
from assay.tables.files.excel_rows import excel_batches, open_sheet
from assay.tables.files.json_rows import Record, as_text, json_batches, text_array
from assay.tables.files.opened import Tick
from assay.tables.files.parquet_rows import (
    ParquetColumn,
    normal,
    opened,
    parquet_batches,
    parquet_columns,
)
from assay.tables.files.query_rows import query_batches
from assay.tables.parallel import for_each
from assay.tables.spelling import spell
from assay.tables.spelt.cells import TYPES, convert

_DIGIT = re.compile(r"\d")
_MEND = "Mend the cell, or state the column's type as it is, text if nothing else."


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
    yield from typed_tables(path, table)


def typed_tables(path: Path, table: TableFormat, tick: Tick | None = None) -> Iterator[pa.Table]:
    """Like `read`; ``tick`` is told how many bytes, or rows of Parquet, have been read."""
    if not table.columns:
        raise SourceError("no column is stated", where=str(path), mend="State the columns.")
    if table.format == "csv":
        _check_marks(path, table)
        return _csv(path, table, tick)
    if table.format == "parquet":
        return _parquet(path, table, tick)
    if table.format == "excel":
        sheet = open_sheet(path, table.sheet or None)
        return _records(path, table, excel_batches(sheet), sheet.place)
    if table.format == "sql":
        return _records(path, table, query_batches(path, table.connection), _row)
    return _records(path, table, json_batches(path, table.encoding, tick), _row)


def _row(row: int) -> str:
    return f"row {row + 1}"


def _check_marks(path: Path, table: TableFormat) -> None:
    for mark, name in ((table.separator, "separator"), (table.quote, "quote")):
        if (mark or name == "separator") and (len(mark) != 1 or not mark.isascii()):
            raise SourceError(
                f"the {name} is not one character of ASCII",
                where=str(path),
                found=quote_value(mark),
                mend='State for example "," or ";".',
            )


def _table(table: TableFormat, columns: Sequence[pa.Array]) -> pa.Table:
    schema = pa.schema([(each.name, TYPES[each.kind]) for each in table.columns])
    return pa.table(list(columns), schema=schema)


def _missing_columns(path: Path, wanted: Sequence[str], there: Sequence[str]) -> SourceError:
    lost = [name for name in wanted if name not in there]
    return SourceError(
        f"has no column {', '.join(map(quote_value, lost[:5]))}",
        where=str(path),
        found=", ".join(map(quote_value, there[:20])) + (" and others" * (len(there) > 20)),
        mend="Check the names of the columns, the separator and the header.",
    )


def _bad_cell(path: Path, where: str, column: ColumnFormat, cell: object) -> SourceError:
    return SourceError(
        f"a cell does not read as {column.kind}",
        where=f"{path}, {where}, column {quote_value(column.name)}",
        expected=spell(column),
        found=quote_value(str(cell)[:80]),
        mend=_MEND,
    )


# ----------------------------------------------------------------------------------- CSV


def _csv(path: Path, table: TableFormat, tick: Tick | None) -> Iterator[pa.Table]:
    dialect = Dialect(table.encoding, table.separator, table.quote, table.header)
    where = layout(path, dialect)
    places = _places(path, table, where)
    spare = len(where.names) - 1 if where.spare else None
    ragged: list[int] = []
    row = 0
    with ThreadPoolExecutor() as pool:
        for cells in text_batches(path, dialect, where, ragged, tick):
            if ragged:
                break
            if spare is not None and spare not in places:
                _refuse_spare(path, dialect, where, cells[spare], row)
            wanted = [cells[place] for place in places]
            columns = []
            stated = table.columns, repeat(table.missing)
            found = for_each(pool, len(cells[0]), convert, wanted, *stated)
            for column, texts, (values, bad) in zip(table.columns, wanted, found, strict=True):
                if bad is not None:
                    line = lines_of(path, dialect, len(where.names), [row + bad]).get(row + bad)
                    raise _bad_cell(path, f"line {line}", column, texts[bad].as_py())
                columns.append(values)
            row += len(cells[0])
            yield _table(table, columns)
    if ragged:
        raise ragged_error(path, dialect, len(where.names), None)


def _places(path: Path, table: TableFormat, where: Layout) -> list[int]:
    wanted = [each.name for each in table.columns]
    if table.header:
        if not set(wanted) <= set(where.names):
            raise _missing_columns(path, wanted, where.names)
        return [where.names.index(name) for name in wanted]
    if len(wanted) != len(where.names) - (where.spare and len(wanted) < len(where.names)):
        raise SourceError(
            "has another number of columns than are stated",
            where=str(path),
            expected=str(len(wanted)),
            found=str(len(where.names)),
            mend="State every column, as there is no header to find them by.",
        )
    return list(range(len(wanted)))


def _refuse_spare(path: Path, dialect: Dialect, where: Layout, cells: pa.Array, row: int) -> None:
    filled = pc.index(pc.equal(pc.utf8_trim_whitespace(cells), ""), False).as_py()
    if filled < 0:
        return
    width = len(where.names)
    line = lines_of(path, dialect, width, [row + filled]).get(row + filled)
    raise SourceError(
        "a row has a cell beyond the last column",
        where=f"{path}, line {line}",
        expected=f"{width - 1} cells",
        found=quote_value(cells[filled].as_py()[:80]),
        mend="Name the column in the header, or mend the line.",
    )


# ------------------------------------------------------------- JSON, Excel, and what a query gives


def _records(
    path: Path,
    table: TableFormat,
    batches: Iterable[list[Record]],
    place: Callable[[int], str],
) -> Iterator[pa.Table]:
    """Typed columns of records; ``place`` says in words where a row lies, counted from 0."""
    row = 0
    lost = {each.name for each in table.columns}
    names: dict[str, None] = {}
    for batch in batches:
        names = names or dict.fromkeys(batch[0])
        columns = []
        for column in table.columns:
            found = [record.get(column.name) for record in batch]
            if column.name in lost and any(column.name in record for record in batch):
                lost.remove(column.name)
            if not {list, dict}.isdisjoint(map(type, found)):
                nested = next(i for i, v in enumerate(found) if type(v) in (list, dict))
                raise _bad_cell(path, place(row + nested), column, as_text(found[nested]))
            values = _typed(found, column, table.missing)
            if values is None:
                values, bad = convert(text_array(found), column, table.missing)
                if bad is not None:
                    raise _bad_cell(path, place(row + bad), column, as_text(found[bad]))
            columns.append(values)
        row += len(batch)
        yield _table(table, columns)
    if lost:
        there = ["no such key in any object"] if table.format == "json" else list(names)
        raise _missing_columns(path, sorted(lost), there)


_OWN: dict[Kind, set[type]] = {
    "integer": {int, NoneType},
    "float": {int, float, NoneType},
    "boolean": {bool, NoneType},
}


def _typed(values: list[Any], column: ColumnFormat, missing: tuple[str, ...]) -> pa.Array | None:
    """The values without a way through text, which is slow; None if they must go it."""
    if not set(map(type, values)) <= _OWN.get(column.kind, set()):
        return None
    spelt = column != ColumnFormat(column.name, column.kind, kept=column.kept)
    if spelt or any(word in ("true", "false") or _DIGIT.search(word) for word in missing):
        return None
    try:
        return pa.array(values, TYPES[column.kind])
    except (OverflowError, pa.ArrowInvalid):
        return None


# ------------------------------------------------------------------------------- Parquet


def _parquet(path: Path, table: TableFormat, tick: Tick | None) -> Iterator[pa.Table]:
    with opened(path) as file:
        there = {each.name: each for each in parquet_columns(file)}
        wanted = [each.name for each in table.columns]
        if not set(wanted) <= there.keys():
            raise _missing_columns(path, wanted, list(there))
        row = 0
        for found in parquet_batches(file):
            columns = [
                _as_kind(path, found[there[each.name].place], there[each.name], each, table, row)
                for each in table.columns
            ]
            row += len(found[0])
            if tick:
                tick(row)
            yield _table(table, columns)


def _as_kind(
    path: Path,
    values: pa.Array,
    there: ParquetColumn,
    column: ColumnFormat,
    table: TableFormat,
    row: int,
) -> pa.Array:
    if there.kind is None:
        raise SourceError(
            "this column cannot be read",
            where=f"{path}, column {quote_value(column.name)}",
            found=there.reason,
            mend="Leave the column out, or write it as a text or number.",
        )
    try:
        if there.kind == column.kind or {there.kind, column.kind} == {"integer", "float"}:
            return normal(values, column.kind)
        # Whole numbers as they are: those of uint64 may lie beyond int64.
        whole = there.kind == "integer"
        cells = pc.cast(normal(values, "string" if whole else there.kind), pa.string())
    except pa.ArrowInvalid as error:
        raise SourceError(
            f"a value does not fit {column.kind}",
            where=f"{path}, row {row + 1} or later, column {quote_value(column.name)}",
            found=str(error),
            mend=_MEND,
        ) from None
    if column.kind == "string":
        return cells
    digits = there.kind in ("integer", "float") and column.time_format is not None
    if not digits and not t.is_string(normal(values[:0], there.kind).type):
        raise SourceError(
            f"this column is of kind {there.kind}",
            where=f"{path}, column {quote_value(column.name)}",
            expected=column.kind,
            found=there.reason,
            mend="State the kind that the file has.",
        )
    read, bad = convert(cells, column, table.missing)
    if bad is not None:
        raise _bad_cell(path, f"row {row + bad + 1}", column, cells[bad].as_py())
    return read
