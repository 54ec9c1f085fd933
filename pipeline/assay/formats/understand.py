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
from assay.formats.definition import (
    ColumnFacts,
    ColumnFormat,
    TableFormat,
    Understanding,
    kind_of,
    told,
)
from assay.formats.facts import ColumnCounter, most_distinct, with_named_times
from assay.formats.files.csv_text import layout, refuse_open_quote
from assay.formats.files.dialect import find_dialect
from assay.formats.files.opened import file_format, find_encoding
from assay.formats.files.opened_table import OpenedTable, parquet_types
from assay.formats.kinds import PLACE, ColumnTally, Decision, decide, decide_typed
from assay.formats.reader import for_each, typed_tables
from assay.project.text import quote_value

Progress = Callable[[int], None]


def understand(
    path: Path,
    *,
    names: Sequence[str] = (),
    progress: Progress = lambda rows: None,
) -> Understanding:
    """How the file is written, its columns' types, and what was counted in them.

    All rows are read twice, in batches: first to decide the types, then as those types. Columns
    that have types in the file are read once.

    Parameters
    ----------
    names
        Of the columns of CSV without a header, in the file's order.
    progress
        Told how many rows have been read, of both readings.

    Raises
    ------
    SourceError
        It is no table, is cut or damaged, or its rows are ragged.
    UsageError
        ``names`` do not fit the file.
    """
    path = Path(path)
    table, remarks = _format(path, names)
    typed = table.format == "parquet"
    rows, types, orders = parquet_types(path) if typed else (0, {}, {})
    decisions = {name: _by_type(name, found) for name, found in types.items() if kind_of(found)}
    left_out = {name: told(found)[0] for name, found in types.items() if name not in decisions}
    unsettled = tuple(
        each.column
        for name, each in decisions.items()
        if each.column.kind == "string" or pa.types.is_uint64(types[name])
    )
    if not typed or unsettled:
        opened = OpenedTable(path, replace(table, columns=unsettled or table.columns))
        rows, tallies, nested = _tally(opened, progress)
        left_out |= dict.fromkeys(nested, "lists or objects")
        how: Callable[..., Decision] = partial(decide, separator=table.separator)
        if table.format != "csv":
            how = partial(decide_typed, any_integer=typed, mixed=opened.mixed)
        decisions |= {name: how(name, each) for name, each in tallies.items()}
    if not rows:
        raise SourceError("has no row with a value", where=str(path), fix="Write the rows too.")
    if not decisions:
        raise SourceError(
            "has no column that can be used",
            where=str(path),
            found="; ".join(f"{name}: {why}" for name, why in left_out.items()) or "empty objects",
            fix="Write numbers, texts, booleans or times.",
        )
    words = dict.fromkeys(word for each in decisions.values() for word in each.missing if word)
    missing = () if typed else tuple(words)
    # A word that is a value in one column and none in another is kept there.
    columns = tuple(
        replace(each.column, kept=tuple(word for word in each.kept if word in missing))
        for each in decisions.values()
    )
    table = replace(table, columns=columns, missing=("", *missing))
    facts = tuple(
        replace(each, order=orders.get(each.name, ()) if each.kind == "string" else ())
        for each in _facts(OpenedTable(path, table), decisions, progress)
    )
    return with_named_times(Understanding(str(path), rows, table, facts, remarks, left_out))


def _by_type(name: str, found: pa.DataType) -> Decision:
    """The decision on a column whose type is known before its values are."""
    kind = kind_of(found)
    assert kind is not None
    evidence, doubt = told(found)
    doubts = (doubt,) if doubt else ()
    return Decision(ColumnFormat(name, kind), evidence=(evidence,), doubts=doubts)


def _tally(
    opened: OpenedTable, progress: Progress
) -> tuple[int, dict[str, ColumnTally], dict[str, None]]:
    """The number of rows, a tally of each column, and the columns that are no use."""
    tallies: dict[str, ColumnTally] = {}
    nested: dict[str, None] = {}
    rows = 0
    with ThreadPoolExecutor() as pool:
        for batch in opened.batches():
            nested |= {name: None for name, each in batch.items() if kind_of(each.type) is None}
            used = [name for name in batch if name not in nested]
            each = [tallies.setdefault(name, ColumnTally()) for name in used]
            length = len(next(iter(batch.values()), ()))
            for_each(
                pool, length, ColumnTally.add, each, [batch[name] for name in used], repeat(rows)
            )
            rows += length
            progress(rows)
    return rows, {name: each for name, each in tallies.items() if name not in nested}, nested


def _facts(
    opened: OpenedTable, decisions: Mapping[str, Decision], progress: Progress
) -> list[ColumnFacts]:
    """The second reading: the values, counted as `read` gives them."""
    most = most_distinct(len(opened.table.columns))
    counters = [ColumnCounter(column, most_distinct=most) for column in opened.table.columns]
    with ThreadPoolExecutor() as pool:
        for batch in typed_tables(opened):
            columns = [each.combine_chunks() for each in batch.columns]
            for_each(pool, batch.num_rows, ColumnCounter.add, counters, columns)
            progress(counters[0].rows)
    found = []
    for counter in counters:
        decision = decisions[counter.column.name]
        place = "" if decision.odd_row is None else opened.place(decision.odd_row)
        *doubts, stays_text = (
            doubt.replace(PLACE, place) for doubt in (*decision.doubts, decision.stays_text)
        )
        found.append(counter.facts(decision.evidence, tuple(doubts), stays_text))
    return found


def _format(path: Path, names: Sequence[str]) -> tuple[TableFormat, tuple[str, ...]]:
    """How the file is written, without its columns but for ``names``, and remarks on guesses."""
    kind = file_format(path)
    if names and kind != "csv":
        raise UsageError(
            "only columns of CSV can lack names", where="--names", found=f"{path}: {kind}"
        )
    if kind == "parquet":
        return TableFormat(kind, ()), ()
    encoding = find_encoding(path)
    remarks = (encoding.remark,) if encoding.remark else ()
    if kind == "json":
        return TableFormat("json", (), encoding.name), remarks
    table, assumed = find_dialect(path, encoding.name)
    refuse_open_quote(path, table, encoding.quotes[table.quote])
    if names:
        return _named(path, table, names, sure=not assumed), remarks
    return table, (*remarks, *assumed, *layout(path, table).remarks)


def _named(path: Path, table: TableFormat, names: Sequence[str], *, sure: bool) -> TableFormat:
    """The CSV ``table`` as one without a header, whose columns have the names of a person.

    A header that is ``sure`` to be one is refused: it would become a row.
    """
    found = layout(path, table).names
    if table.header and sure:
        raise UsageError(
            "the table has names already, in its first line",
            where=f"{path}: --names",
            found=", ".join(map(quote_value, found[:10])),
            fix="Leave --names out, or change that line.",
        )
    given = [name.strip() for name in names]
    odd = next((name for name in given if not name or given.count(name) > 1), None)
    if odd is not None or len(given) != len(found):
        twice = f"{quote_value(odd)} twice" if odd else "an empty name"
        raise UsageError(
            "these names do not fit the table",
            where=f"{path}: --names",
            expected=f"{len(found):,} different names, one for each column",
            found=f"{len(given):,}" if odd is None else twice,
        )
    columns = tuple(ColumnFormat(name, "string") for name in given)
    return replace(table, header=False, columns=columns)
