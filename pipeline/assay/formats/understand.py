"""Finds out how a table's file is written, from all its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import repeat
from pathlib import Path

import pyarrow as pa

from assay.errors import SourceError, UsageError
from assay.formats.arrow_kinds import kind_of, told
from assay.formats.definition import ColumnFacts, ColumnFormat, TableFormat, Understanding
from assay.formats.digit_times import with_named_times
from assay.formats.facts import ColumnCounter, most_distinct
from assay.formats.files.csv_text import Dialect, Layout, layout, refuse_open_quote
from assay.formats.files.dialect import find_dialect
from assay.formats.files.excel_rows import open_sheet, sheet_names
from assay.formats.files.opened import Tick, file_format, find_encoding
from assay.formats.files.opened_table import OpenedTable
from assay.formats.files.parquet_rows import parquet_types
from assay.formats.files.query_rows import EXPECTED
from assay.formats.kinds.decide import PLACE, Decision, decide, decide_all, decide_typed
from assay.formats.kinds.tally import ColumnTally
from assay.formats.parallel import for_each
from assay.formats.reader import typed_tables
from assay.project.text import quote_value

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

    All rows are read twice, in batches: first to decide the types, then as those types. Columns
    that have types in the file are read once.

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
    path = Path(path)
    remarks: list[str] = []
    table = _format(path, sheet, connection, names, remarks)
    typed = table.format == "parquet"
    rows, types, orders = parquet_types(path) if typed else (path.stat().st_size, {}, {})
    first, second = _halves(progress, rows)
    decisions = {name: _by_type(name, found) for name, found in types.items() if kind_of(found)}
    left_out = {name: told(found)[0] for name, found in types.items() if name not in decisions}
    unsettled = [
        name
        for name, each in decisions.items()
        if each.column.kind == "string" or pa.types.is_uint64(types[name])
    ]
    if not typed or unsettled:
        some = tuple(decisions[name].column for name in unsettled)
        opened = OpenedTable(path, replace(table, columns=some) if typed else table)
        rows, tallies, nested = _tally(opened, first)
        left_out |= dict.fromkeys(nested, "lists or objects")
        how: Callable[..., Decision] = decide
        if table.format == "csv":
            remarks += _unnamed(path, table, tallies)
        else:
            how = partial(decide_typed, any_integer=typed, mixed=opened.mixed)
        decisions |= decide_all(tallies, table.separator, how)
    if not rows:
        raise SourceError("has no row with a value", where=str(path), fix="Write the rows too.")
    if not decisions:
        raise SourceError(
            "has no column that can be used",
            where=str(path),
            found="; ".join(f"{name}: {why}" for name, why in left_out.items()) or "empty objects",
            fix="Write numbers, texts, booleans or times.",
        )
    missing = () if typed else _missing(decisions)
    table = replace(table, columns=_columns(decisions, missing), missing=("", *missing))
    facts = tuple(
        replace(each, order=orders.get(each.name, ()) if each.kind == "string" else ())
        for each in _facts(OpenedTable(path, table), decisions, second)
    )
    found = Understanding(str(path), rows, table, facts, tuple(remarks), left_out)
    return with_named_times(found)


def _by_type(name: str, found: pa.DataType) -> Decision:
    """The decision on a column whose type is known before its values are."""
    kind = kind_of(found)
    assert kind is not None
    evidence, doubt = told(found)
    doubts = (doubt,) if doubt else ()
    return Decision(ColumnFormat(name, kind), evidence=(evidence,), doubts=doubts)


def _halves(progress: Progress | None, size: int) -> tuple[Tick | None, Tick | None]:
    if progress is None:
        return None, None
    told = progress
    return (
        lambda done: told(min(done, size), 2 * size),
        lambda done: told(size + min(done, size), 2 * size),
    )


def _tally(
    opened: OpenedTable, tick: Tick | None
) -> tuple[int, dict[str, ColumnTally], dict[str, None]]:
    """The number of rows, a tally of each column, and the columns that are no use."""
    tallies: dict[str, ColumnTally] = {}
    nested: dict[str, None] = {}
    rows = 0
    with ThreadPoolExecutor() as pool:
        for batch in opened.batches(tick):
            nested |= {name: None for name, each in batch.items() if kind_of(each.type) is None}
            used = [name for name in batch if name not in nested]
            each = [tallies.setdefault(name, ColumnTally()) for name in used]
            length = len(next(iter(batch.values()), ()))
            for_each(
                pool, length, ColumnTally.add, each, [batch[name] for name in used], repeat(rows)
            )
            rows += length
    return rows, {name: each for name, each in tallies.items() if name not in nested}, nested


def _facts(
    opened: OpenedTable, decisions: Mapping[str, Decision], tick: Tick | None
) -> list[ColumnFacts]:
    """The second reading: the values, counted as `read` gives them."""
    most = most_distinct(len(opened.table.columns))
    counters = [ColumnCounter(column, most_distinct=most) for column in opened.table.columns]
    with ThreadPoolExecutor() as pool:
        for batch in typed_tables(opened, tick):
            for_each(pool, batch.num_rows, _count, counters, batch.columns)
    found = []
    for counter in counters:
        decision = decisions[counter.column.name]
        place = "" if decision.odd_row is None else opened.place(decision.odd_row)
        *doubts, stays_text = (
            doubt.replace(PLACE, place) for doubt in (*decision.doubts, decision.stays_text)
        )
        found.append(counter.facts(decision.evidence, tuple(doubts), stays_text))
    return found


def _count(counter: ColumnCounter, values: pa.ChunkedArray) -> None:
    counter.add(values.combine_chunks())


def _missing(decisions: Mapping[str, Decision]) -> tuple[str, ...]:
    found = dict.fromkeys(word for each in decisions.values() for word in each.missing)
    return tuple(word for word in found if word)


def _columns(decisions: Mapping[str, Decision], missing: Sequence[str]) -> tuple[ColumnFormat, ...]:
    """The formats; a word that is a value here and none elsewhere is kept."""
    return tuple(
        replace(each.column, kept=tuple(word for word in each.kept if word in missing))
        for each in decisions.values()
    )


# -------------------------------------------------------------------------- how it is written


def _format(
    path: Path, sheet: str, connection: str, names: Sequence[str], remarks: list[str]
) -> TableFormat:
    """How the file is written, without its columns, unless a person named those of CSV."""
    if not connection and path.suffix.lower() == ".sql":
        raise UsageError(
            "a query needs to know where it is asked",
            where=str(path),
            fix=f"Add --connection ADDRESS: {EXPECTED}",
        )
    kind = "sql" if connection else file_format(path)
    if names and kind != "csv":
        raise UsageError(
            "only columns of CSV can lack names", where="--names", found=f"{path}: {kind}"
        )
    if sheet and kind != "excel":
        raise UsageError(
            "only a workbook has sheets", where=f"--sheet {sheet}", found=f"{path}: {kind}"
        )
    if kind == "excel":
        return TableFormat("excel", (), sheet=_sheet(path, sheet, remarks))
    if kind in ("sql", "parquet"):
        return TableFormat(kind, (), connection=connection)
    encoding = find_encoding(path)
    remarks += [encoding.remark] if encoding.remark else []
    if kind == "json":
        return TableFormat("json", (), encoding.name)
    dialect, assumed = find_dialect(path, encoding.name)
    if dialect.quote:
        refuse_open_quote(path, dialect, encoding.quotes[dialect.quote])
    if names and dialect.header and not assumed:
        raise UsageError(
            "the table has names already, in its first line",
            where=f"{path}: --names",
            found=", ".join(map(quote_value, layout(path, dialect).names[:10])),
            fix="Leave --names out, or change that line.",
        )
    columns: tuple[ColumnFormat, ...] = ()
    if names:
        dialect = replace(dialect, header=False)
        given = _given(path, layout(path, dialect), names)
        columns = tuple(ColumnFormat(name, "string") for name in given)
    else:
        remarks += assumed
    return TableFormat(
        "csv", columns, dialect.encoding, dialect.separator, dialect.quote, dialect.header
    )


def _sheet(path: Path, name: str, remarks: list[str]) -> str:
    chosen = open_sheet(path, name or None).name
    others = [each for each in sheet_names(path) if each != chosen]
    if others and not name:
        told = ", ".join(map(quote_value, others[:5])) + (", …" if others[5:] else "")
        remarks.append(
            f"the workbook has other sheets too, which are not read: {told}; --sheet names one"
        )
    return chosen


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


def _unnamed(path: Path, table: TableFormat, tallies: dict[str, ColumnTally]) -> list[str]:
    """Remarks on names that the header lacks or has twice.

    The last column is taken out of ``tallies`` if it is the empty space behind a separator.
    """
    dialect = Dialect(table.encoding, table.separator, table.quote, table.header)
    where, found = layout(path, dialect), []
    last = next(reversed(tallies), "")
    if where.spare and len(tallies) > 1 and tallies[last].words[""] == tallies[last].rows:
        del tallies[last]
        found.append("each row ends in a separator; the empty last column is left out")
    made = [name for name in tallies if name.startswith("column_") and name in where.names]
    if made and dialect.header and len(made) < 20:
        found.append(f"columns without a name are called {', '.join(made[:5])}")
    if where.repeated:
        more = ", …" if where.repeated[5:] else ""
        shown = ", ".join(map(quote_value, where.repeated[:5]))
        found.append(f"names that the header has twice get a number: {shown}{more}")
    return found
