"""Finds out how a table's file is written, from all its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pyarrow as pa

from assay.errors import SourceError
from assay.tables.definition import ColumnFacts, ColumnFormat, TableFormat, Understanding
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
from assay.tables.files.json_rows import json_batches
from assay.tables.files.opened import Tick, file_format, find_encoding
from assay.tables.kinds.decide import LINE, Decision, decide_all
from assay.tables.kinds.decide_json import decide_json
from assay.tables.kinds.json_tally import tally_json
from assay.tables.kinds.tally import ColumnTally
from assay.tables.parallel import for_each
from assay.tables.parquet import understand_parquet
from assay.tables.reader import typed_tables

Progress = Callable[[int, int], None]


def understand(path: Path, *, progress: Progress | None = None) -> Understanding:
    """How the file is written, its columns' types, and what was counted in them.

    All rows are read twice, in batches: first to decide the types, then as those types.

    Parameters
    ----------
    progress
        Told how many bytes (of Parquet, rows) of both readings are done, and of how many.

    Raises
    ------
    SourceError
        It is no table, is cut or damaged, or its rows are ragged.
    """
    path = Path(path)
    kind = file_format(path)
    if kind == "parquet":
        return understand_parquet(path, progress)
    encoding = find_encoding(path)
    size = path.stat().st_size
    first, second = _halves(progress, size)
    remarks = [encoding.remark] if encoding.remark else []
    if kind == "json":
        return _json(path, encoding.name, remarks, first, second)
    dialect, assumed = find_dialect(path, encoding.name)
    if dialect.quote:
        refuse_open_quote(path, dialect, encoding.quotes[dialect.quote])
    remarks += assumed
    return _csv(path, dialect, remarks, first, second)


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
    path: Path, dialect: Dialect, remarks: list[str], first: Tick | None, second: Tick | None
) -> Understanding:
    where = layout(path, dialect)
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
    remarks += _named_twice(where.names, dialect)
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


def _named_twice(names: Iterable[str], dialect: Dialect) -> list[str]:
    made = [name for name in names if name.startswith("column_")]
    return [f"columns without a name are called {', '.join(made[:5])}"] * bool(
        made and dialect.header and len(made) < 20
    )


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
        doubts = tuple(
            doubt.replace(LINE, str(lines.get(odd, odd + 1))) for doubt in decision.doubts
        )
        found.append(counter.facts(decision.evidence, doubts))
    return tuple(found)


def _count(counter: ColumnCounter, values: pa.ChunkedArray) -> None:
    counter.add(values.combine_chunks())


# ---------------------------------------------------------------------------------- JSON


def _json(
    path: Path, encoding: str, remarks: list[str], first: Tick | None, second: Tick | None
) -> Understanding:
    rows, tallies = tally_json(json_batches(path, encoding, first))
    if not rows:
        raise SourceError("has no objects", where=str(path), mend="Write the rows too.")
    decisions, left_out = decide_json(tallies)
    if not decisions:
        raise SourceError(
            "has no column that can be used",
            where=str(path),
            found="; ".join(f"{name}: {why}" for name, why in left_out.items()) or "empty objects",
            mend="Write numbers, texts, booleans or times, not lists and objects.",
        )
    table = TableFormat("json", _columns(decisions), encoding, missing=_missing(decisions))
    facts = _facts(path, table, decisions, {}, second)
    return Understanding(str(path), rows, table, facts, tuple(remarks), left_out)
