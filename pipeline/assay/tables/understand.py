"""Finds out how a table's file is written, from all its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pyarrow as pa

from assay.errors import SourceError, UsageError
from assay.project.text.quoting import quote_value
from assay.tables.definition import ColumnFacts, ColumnFormat, TableFormat, Understanding
from assay.tables.digit_times import with_named_times
from assay.tables.facts import ColumnCounter, most_distinct
from assay.tables.files.csv_rows import text_batches
from assay.tables.files.csv_text import (
    Dialect,
    Layout,
    layout,
    lines_of,
    ragged_error,
    refuse_open_quote,
)
from assay.tables.files.dialect import find_dialect
from assay.tables.files.excel_rows import Sheet, excel_batches, open_sheet, sheet_names
from assay.tables.files.json_rows import Record, json_batches
from assay.tables.files.opened import Tick, file_format, find_encoding
from assay.tables.files.query_rows import EXPECTED, query_batches
from assay.tables.kinds.decide import LINE, Decision, decide_all
from assay.tables.kinds.decide_json import decide_json
from assay.tables.kinds.json_tally import tally_json
from assay.tables.kinds.tally import ColumnTally
from assay.tables.parallel import for_each
from assay.tables.parquet import understand_parquet
from assay.tables.reader import typed_tables

Progress = Callable[[int, int], None]


def understand(
    path: Path,
    *,
    sheet: str = "",
    connection: str = "",
    names: Sequence[str] = (),
    progress: Progress | None = None,
) -> Understanding:
    """How the file is written, its columns' types, and what was counted in them.

    All rows are read twice, in batches: first to decide the types, then as those types.

    Parameters
    ----------
    sheet
        Of an Excel workbook; the first one if empty.
    connection
        If ``path`` is a query: where it is asked.
    names
        Of the columns of CSV without a header, in the file's order.
    progress
        Told how many bytes (of Parquet, rows) of both readings are done, and of how many.

    Raises
    ------
    SourceError
        It is no table, is cut or damaged, or its rows are ragged.
    UsageError
        ``names`` or ``sheet`` do not fit the file.
    """
    found = _understand(Path(path), sheet, connection, names, progress)
    return with_named_times(found)


def _understand(
    path: Path, sheet: str, connection: str, names: Sequence[str], progress: Progress | None
) -> Understanding:
    if not connection:
        _refuse_query(path)
    kind = "sql" if connection else file_format(path)
    if names and kind != "csv":
        raise UsageError(
            "only columns of CSV can lack names", where="--names", found=f"{path}: {kind}"
        )
    if connection:
        table = TableFormat("sql", (), connection=connection)
        return _records(path, table, query_batches(path, connection), [], {}, None)
    if sheet and kind != "excel":
        raise UsageError(
            "only a workbook has sheets", where=f"--sheet {sheet}", found=f"{path}: {kind}"
        )
    if kind == "parquet":
        return understand_parquet(path, progress)
    if kind == "excel":
        return _excel(path, sheet)
    encoding = find_encoding(path)
    size = path.stat().st_size
    first, second = _halves(progress, size)
    remarks = [encoding.remark] if encoding.remark else []
    if kind == "json":
        table = TableFormat("json", (), encoding.name)
        batches = json_batches(path, encoding.name, first)
        return _records(path, table, batches, remarks, {}, second)
    dialect, assumed = find_dialect(path, encoding.name)
    if dialect.quote:
        refuse_open_quote(path, dialect, encoding.quotes[dialect.quote])
    if names and dialect.header and not assumed:
        there = ", ".join(map(quote_value, layout(path, dialect).names[:10]))
        raise UsageError(
            "the table has names already, in its first line",
            where=f"{path}: --names",
            found=there,
            mend="Leave --names out, or change that line.",
        )
    if names:
        dialect = replace(dialect, header=False)
    return _csv(path, dialect, remarks + ([] if names else [*assumed]), names, first, second)


def _halves(progress: Progress | None, size: int) -> tuple[Tick | None, Tick | None]:
    if progress is None:
        return None, None
    told = progress
    return (
        lambda done: told(min(done, size), 2 * size),
        lambda done: told(size + min(done, size), 2 * size),
    )


# ----------------------------------------------------------------------------------- CSV


def _csv(
    path: Path,
    dialect: Dialect,
    remarks: list[str],
    names: Sequence[str],
    first: Tick | None,
    second: Tick | None,
) -> Understanding:
    where = layout(path, dialect)
    if names:
        where = replace(where, names=_given(path, where, names))
    tallies = [ColumnTally() for _ in where.names]
    ragged: list[int] = []
    rows = 0
    with ThreadPoolExecutor() as pool:
        for cells in text_batches(path, dialect, where, ragged, first):
            for_each(pool, len(cells[0]), ColumnTally.add, tallies, cells, repeat(rows))
            rows += len(cells[0])
    if ragged:
        raise ragged_error(path, dialect, len(where.names), len(ragged))
    if not rows:
        raise SourceError("a header and no rows", where=str(path), mend="Write the rows too.")
    used = _without_spare(where, tallies, remarks)
    remarks += _renamed(where, dialect)
    decisions = decide_all(used, dialect.separator)
    lines = lines_of(path, dialect, len(where.names), _odd_rows(decisions))
    table = TableFormat(
        "csv",
        _columns(decisions),
        dialect.encoding,
        dialect.separator,
        dialect.quote,
        dialect.header,
        _missing(decisions),
    )
    facts = _facts(path, table, decisions, lines, second)
    return Understanding(str(path), rows, table, facts, tuple(remarks))


def _given(path: Path, where: Layout, names: Sequence[str]) -> tuple[str, ...]:
    """The names that a person gave, one for each cell of a row.

    Raises
    ------
    UsageError
        They are more or fewer, or one is empty or there twice.
    """
    given = [name.strip() for name in names]
    spare = where.names[len(given) :] if where.spare else ()
    if len(given) + len(spare) != len(where.names) or len(spare) > 1:
        found = f"{len(given):,}"
    elif "" in given:
        found = "an empty name"
    elif len({*given}) < len(given):
        found = f"{quote_value(next(name for name in given if given.count(name) > 1))} twice"
    else:
        return (*given, *spare)
    raise UsageError(
        "these names do not fit the table",
        where=f"{path}: --names",
        expected=f"{len(where.names):,} different names, one for each column",
        found=found,
    )


def _without_spare(
    where: Layout, tallies: list[ColumnTally], remarks: list[str]
) -> Mapping[str, ColumnTally]:
    """The columns; the last is left out if it is the empty space behind a separator."""
    used = dict(zip(where.names, tallies, strict=True))
    last = tallies[-1]
    if where.spare and last.words[""] == last.rows and len(used) > 1:
        used.popitem()
        remarks.append("each row ends in a separator; the empty last column is left out")
    return used


def _renamed(where: Layout, dialect: Dialect) -> list[str]:
    """Remarks on names that are not in the header, or there twice."""
    found = []
    made = [name for name in where.names if name.startswith("column_")]
    if made and dialect.header and len(made) < 20:
        found.append(f"columns without a name are called {', '.join(made[:5])}")
    if where.repeated:
        more = ", …" if where.repeated[5:] else ""
        shown = ", ".join(map(quote_value, where.repeated[:5]))
        found.append(f"names that the header has twice get a number: {shown}{more}")
    return found


def _columns(decisions: Mapping[str, Decision]) -> tuple[ColumnFormat, ...]:
    """The formats; a word that is a value here and none elsewhere is kept."""
    missing = set(_missing(decisions))
    columns = []
    for each in decisions.values():
        kept = tuple(word for word in each.kept if word in missing)
        columns.append(_keeping(each.column, kept))
    return tuple(columns)


def _keeping(column: ColumnFormat, kept: tuple[str, ...]) -> ColumnFormat:
    return replace(column, kept=kept) if kept else column


def _missing(decisions: Mapping[str, Decision]) -> tuple[str, ...]:
    found = dict.fromkeys(word for each in decisions.values() for word in each.missing)
    return ("", *(word for word in found if word))


def _odd_rows(decisions: Mapping[str, Decision]) -> list[int]:
    return [each.odd_row for each in decisions.values() if each.odd_row is not None]


def _facts(
    path: Path,
    table: TableFormat,
    decisions: Mapping[str, Decision],
    lines: Mapping[int, int],
    tick: Tick | None,
) -> tuple[ColumnFacts, ...]:
    """The second reading: the values, counted as `read` gives them."""
    most = most_distinct(len(table.columns))
    counters = [ColumnCounter(column, most_distinct=most) for column in table.columns]
    with ThreadPoolExecutor() as pool:
        for batch in typed_tables(path, table, tick):
            for_each(pool, batch.num_rows, _count, counters, batch.columns)
    found = []
    for counter in counters:
        decision = decisions[counter.column.name]
        odd = -1 if decision.odd_row is None else decision.odd_row
        *doubts, stays_text = (
            doubt.replace(LINE, str(lines.get(odd, odd + 1)))
            for doubt in (*decision.doubts, decision.stays_text)
        )
        found.append(counter.facts(decision.evidence, tuple(doubts), stays_text))
    return tuple(found)


def _count(counter: ColumnCounter, values: pa.ChunkedArray) -> None:
    counter.add(values.combine_chunks())


# ------------------------------------------------------------- JSON, Excel, and what a query gives


def _refuse_query(path: Path) -> None:
    if path.suffix.lower() == ".sql":
        raise UsageError(
            "a query needs to know where it is asked",
            where=str(path),
            mend=f"Add --connection ADDRESS: {EXPECTED}",
        )


def _excel(path: Path, name: str) -> Understanding:
    sheet = open_sheet(path, name or None)
    others = [each for each in sheet_names(path) if each != sheet.name]
    remarks = []
    if others and not name:
        told = ", ".join(map(quote_value, others[:5])) + (", …" if others[5:] else "")
        remarks = [
            f"the workbook has other sheets too, which are not read: {told}; --sheet names one"
        ]
    table = TableFormat("excel", (), sheet=sheet.name)
    return _records(path, table, excel_batches(sheet), remarks, _SheetLines(sheet), None)


class _SheetLines(Mapping[int, int]):
    """The number in the sheet of each row that was read."""

    def __init__(self, sheet: Sheet) -> None:
        self._rows = sheet.rows

    def __getitem__(self, row: int) -> int:
        if not 0 <= row < len(self._rows):
            raise KeyError(row)
        return self._rows[row]

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._rows)))

    def __len__(self) -> int:
        return len(self._rows)


def _records(
    path: Path,
    table: TableFormat,
    batches: Iterable[list[Record]],
    remarks: list[str],
    lines: Mapping[int, int],
    second: Tick | None,
) -> Understanding:
    """The types of records, then the facts, for which they are read once more.

    Parameters
    ----------
    table
        How they are written, without the columns.
    lines
        Number of a row from 0 on -> the number that people know it by, if that is another.
    """
    rows, tallies = tally_json(batches)
    if not rows:
        raise SourceError(
            "has no objects" if table.format == "json" else "has no rows",
            where=str(path),
            mend="Write the rows too.",
        )
    decisions, left_out = decide_json(tallies)
    if not decisions:
        raise SourceError(
            "has no column that can be used",
            where=str(path),
            found="; ".join(f"{name}: {why}" for name, why in left_out.items()) or "empty objects",
            mend="Write numbers, texts, booleans or times, not lists and objects.",
        )
    table = replace(table, columns=_columns(decisions), missing=_missing(decisions))
    facts = _facts(path, table, decisions, lines, second)
    return Understanding(str(path), rows, table, facts, tuple(remarks), left_out)
