"""Understands a Parquet file: its columns have types, so one reading is enough.

Only texts that are all times in ISO 8601, as many libraries write dates, are read a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as t

from assay.errors import SourceError
from assay.project.text.quoting import quote_value
from assay.tables.definition import ColumnFacts, ColumnFormat, Kind, TableFormat, Understanding
from assay.tables.facts import ColumnCounter, most_distinct
from assay.tables.files.parquet_rows import (
    ParquetColumn,
    normal,
    opened,
    parquet_batches,
    parquet_columns,
)
from assay.tables.kinds.decide import Hints, decide
from assay.tables.kinds.decide_json import to_have_read
from assay.tables.kinds.tally import ColumnTally
from assay.tables.spelt.times import ISO, to_times


def understand_parquet(
    path: Path, progress: Callable[[int, int], None] | None = None
) -> Understanding:
    """The columns' types as the file has them, and what was counted in all rows.

    Raises
    ------
    SourceError
        It is cut, has no rows, or no column that can be used.
    """
    with opened(path) as file:
        rows = file.metadata.num_rows
        if not rows:
            raise SourceError("has columns and no rows", where=str(path), mend="Write the rows.")
        there = [_with_large(file, each) for each in parquet_columns(file)]
        left_out = {each.name: each.reason for each in there if each.kind is None}
        used = [each for each in there if each.kind is not None]
        if not used:
            raise SourceError(
                "has no column that can be used",
                where=str(path),
                found="; ".join(f"{name}: {why}" for name, why in left_out.items()),
                mend="Write numbers, texts, booleans or times.",
            )
        facts, written = _count(path, file, used, rows, progress)
        if written:
            texts = [each for each in used if each.name in written]
            as_times, _ = _count(path, file, texts, rows, None, read_as="timestamp")
            times = {each.name: each for each in as_times}
            facts = tuple(times.get(each.name, each) for each in facts)
    columns = tuple(ColumnFormat(each.name, each.kind) for each in facts)
    return Understanding(str(path), rows, TableFormat("parquet", columns), facts, (), left_out)


def _with_large(file: pq.ParquetFile, column: ParquetColumn) -> ParquetColumn:
    """The column as text, if it holds whole numbers beyond int64: ids, as a rule."""
    found = file.schema_arrow.field(column.place).type
    if not t.is_uint64(found):
        return column
    for batch in file.iter_batches(columns=[file.schema_arrow.names[column.place]]):
        highest = pc.max(batch.column(0)).as_py()
        if highest is not None and highest >= 2**63:
            doubt = f"whole numbers up to {highest}, beyond int64, kept as text"
            return replace(column, kind="string", doubt=doubt)
    return column


def _count(
    path: Path,
    file: pq.ParquetFile,
    used: Sequence[ParquetColumn],
    rows: int,
    progress: Callable[[int, int], None] | None,
    read_as: Kind | None = None,
) -> tuple[tuple[ColumnFacts, ...], set[str]]:
    """The facts of some columns, and the names of those whose texts are all times in ISO 8601.

    Parameters
    ----------
    read_as
        The kind to read their texts as; that of the file if None.
    """
    most = most_distinct(len(used))
    columns = [ColumnFormat(each.name, read_as or each.kind or "float") for each in used]
    counters = [ColumnCounter(each, most_distinct=most) for each in columns]
    tallies = [ColumnTally() for _ in used]
    done = 0
    for batch in parquet_batches(file):
        for column, counter, tally in zip(used, counters, tallies, strict=True):
            values = _normal(path, column, counter.column, batch[column.place])
            counter.add(values)
            if counter.column.kind == "string":
                tally.add(_packed(values.drop_null()), done)
        done += len(batch[0])
        if progress:
            progress(done, rows)
    written = {
        each.name
        for each, tally in zip(used, tallies, strict=True)
        if _text_kind(each.name, tally) == ColumnFormat(each.name, "timestamp")
    }
    facts = (
        replace(counter.facts((column.reason,), _doubts(column, tally)), order=_order(file, column))
        for column, counter, tally in zip(used, counters, tallies, strict=True)
    )
    return tuple(facts), written


def _order(file: pq.ParquetFile, column: ParquetColumn) -> tuple[str, ...]:
    """The values of a column that was written as an ordered category, as pandas does."""
    field = file.schema_arrow.field(column.place)
    if not (t.is_dictionary(field.type) and field.type.ordered and column.kind == "string"):
        return ()
    # Each row group has the whole dictionary, in its order.
    first = file.read_row_group(0, columns=[field.name]).column(0)
    return tuple(map(str, first.chunk(0).dictionary.to_pylist())) if first.num_chunks else ()


def _normal(path: Path, column: ParquetColumn, wanted: ColumnFormat, values: pa.Array) -> pa.Array:
    try:
        if column.kind == "string" and wanted.kind == "timestamp":
            return to_times(normal(values, "string"), ISO)
        return normal(values, wanted.kind)
    except pa.ArrowInvalid as error:
        raise SourceError(
            f"a value does not fit {wanted.kind}",
            where=f"{path}, column {quote_value(column.name)}",
            expected="a time of the years 1 to 9999" if wanted.kind == "timestamp" else wanted.kind,
            found=str(error),
            mend="Write the column in another type.",
        ) from None


def _packed(cells: pa.Array) -> pa.Array:
    """The cells in a buffer of their own, as if they had been read from text."""
    return pa.concat_arrays([cells]) if cells.offset else cells


def _text_kind(name: str, tally: ColumnTally) -> ColumnFormat | None:
    """What texts read as; None if there are none."""
    return decide(name, tally, Hints()).column if tally.shapes or tally.loose else None


def _doubts(column: ParquetColumn, tally: ColumnTally) -> tuple[str, ...]:
    doubts: tuple[str, ...] = (column.doubt,) if column.doubt else ()
    found = _text_kind(column.name, tally)
    if found is not None and found.kind != "string":
        why = f"texts in the file that all read as {found.kind}; kept as text"
        doubts += (f"{why}: {to_have_read(found)}",)
    return doubts
