"""A source of the project's own: its rows as Arrow tables, and what it adds to them.

The night that rows belong to, a number, a label's meaning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import AssayError, SourceError
from assay.project import partitions, source_code
from assay.project.params.values import Every
from assay.project.text import counted, quote_value

FIRST_INVENTED = date(2000, 1, 1)
"""The first night of a table without a time."""


def add_night(table: pa.Table, time: str, every: Every = "day", name: str = "night") -> pa.Table:
    """Add the night of each row as text: the first day of the day, week, month or year of ``time``.

    Raises
    ------
    SourceError
        There is no such column of times, or a row has no value in it.
    """
    column = _column(table, time, "add_night")
    if not pa.types.is_timestamp(column.type):
        raise SourceError(
            "nights are cut by a column of times",
            where=f"add_night: {quote_value(time)}",
            expected="timestamps",
            found=str(column.type),
        )
    if column.null_count:
        raise SourceError(
            f"no time is given in {counted(column.null_count, 'row')}",
            where=f"add_night: {quote_value(time)}",
            expected="a time in every row",
            found="empty cells",
            fix="Leave those rows out in data/source.py, or cut nights by another column",
        )
    return table.append_column(name, partitions.first_days(column, every))


def add_row_number(tables: Iterable[pa.Table], name: str = "row_number") -> Iterator[pa.Table]:
    """Number the rows from 1 on, over all tables, as a key for rows that have none."""
    done = 0
    for table in tables:
        numbers = np.arange(done + 1, done + 1 + table.num_rows, dtype=np.int64)
        done += table.num_rows
        yield table.append_column(name, pa.array(numbers))


def add_random_night(
    table: pa.Table, by: str, nights: int, name: str = "night", time: str = "arrived"
) -> pa.Table:
    """Put each row into one of ``nights`` invented nights, by a hash of a column.

    Rows of one value are always in the same night, whatever their order, so a split by nights
    is a random one that keeps the values of ``by`` together.

    Parameters
    ----------
    by
        The key, or what must not be on both sides of the split, such as a customer.
    nights
        Their number. The first is 2000-01-01.
    time
        The name of a second new column: the night as a timestamp, which a contract needs.
    """
    values = _column(table, by, "add_random_night")
    coded = pc.dictionary_encode(values.combine_chunks().cast(pa.string()), null_encoding="encode")
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    places = np.array(
        [_place(word, nights) for word in coded.dictionary.to_pylist()], dtype=np.int64
    )
    chosen = places[coded.indices.to_numpy()] if len(places) else np.zeros(0, dtype=np.int64)
    days = np.datetime64(FIRST_INVENTED) + chosen
    stamps = pa.array(days.astype("datetime64[us]"))
    return table.append_column(name, pc.strftime(stamps, "%Y-%m-%d")).append_column(time, stamps)


def _place(word: str | None, nights: int) -> int:
    digest = hashlib.blake2b(repr(word).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % nights


def label_is_true(table: pa.Table, column: str, value: Any) -> pa.Table:
    """Make a label of two values true where it is ``value``, and false elsewhere; nulls stay."""
    values = _column(table, column, "label_is_true")
    return _replace(table, column, pc.equal(values, pa.scalar(value).cast(values.type)))


def label_as_text(table: pa.Table, column: str) -> pa.Table:
    """Make text of a label whose classes are written as numbers or flags; nulls stay."""
    values = _column(table, column, "label_as_text")
    if pa.types.is_floating(values.type):
        values = pc.cast(values, pa.int64())
    return _replace(table, column, pc.cast(values, pa.string()))


def _column(table: pa.Table, name: str, where: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise SourceError(
            "there is no such column",
            where=where,
            expected=", ".join(map(quote_value, table.column_names)),
            found=quote_value(name),
        )
    return table.column(name)


def _replace(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


# ------- rows that a project's own code gives, as Arrow tables; its mistakes are errors of one line

ROWS = "a pandas DataFrame, a pyarrow Table or an iterable of them"


def tables(source: Callable[[], object], where: str) -> Iterator[pa.Table]:
    """What ``source`` gives: a pandas DataFrame, rows of Arrow, or an iterable of either.

    Parameters
    ----------
    where
        The key of params.yaml that names the code, and its name.

    Raises
    ------
    SourceError
        The code failed, or gave something else than rows. Other errors of Assay pass.
    """
    try:
        given = source()
        pieces = [given] if isinstance(given, pd.DataFrame | pa.Table | pa.RecordBatch) else given
        if not isinstance(pieces, Iterable):
            raise _no_rows(given, where)
        for piece in pieces:
            yield _table(piece, where)
    except (AssayError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        place = source_code.raised_at(error)
        raise SourceError(
            f"the source failed with {type(error).__name__}: {error}",
            where=f"{where}{place}",
            fix=None if place else "Call the function in a Python shell to see where.",
        ) from None


def _no_rows(given: object, where: str) -> SourceError:
    return SourceError(
        "the source returned something else than rows",
        where=where,
        expected=ROWS,
        found=type(given).__name__,
    )


def _table(piece: object, where: str) -> pa.Table:
    if isinstance(piece, pd.DataFrame):
        piece = pa.Table.from_pandas(piece, preserve_index=False)
    if isinstance(piece, pa.RecordBatch):
        piece = pa.Table.from_batches([piece])
    if not isinstance(piece, pa.Table):
        raise _no_rows(piece, where)
    # Spark cannot read Parquet timestamps in nanoseconds.
    schema = pa.schema(
        pa.field(
            field.name,
            pa.timestamp("us", field.type.tz) if pa.types.is_timestamp(field.type) else field.type,
        )
        for field in piece.schema
    )
    return piece.cast(schema, safe=False)
