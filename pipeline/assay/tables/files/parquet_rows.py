"""The columns of a Parquet file in the five kinds that tables have here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as t

from assay.errors import SourceError
from assay.tables.definition import TO_UTC, Kind
from assay.tables.files.csv_rows import ROWS
from assay.tables.files.csv_text import column_names
from assay.tables.spelt.cells import TYPES

INEXACT_DIGITS = 15


@dataclass(frozen=True)
class ParquetColumn:
    """One column as it lies in the file.

    Parameters
    ----------
    kind
        None if it cannot be used; ``reason`` says why.
    """

    name: str
    place: int
    kind: Kind | None
    reason: str
    doubt: str = ""


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """The file; what is wrong with it becomes a SourceError."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(
            "is no whole Parquet file",
            where=str(path),
            found=str(error),
            mend="Copy or write it again.",
        ) from None


def parquet_columns(file: pq.ParquetFile) -> tuple[ParquetColumn, ...]:
    """The columns of the file, each with its kind or why it cannot be used."""
    schema = file.schema_arrow
    names = column_names(schema.names)
    return tuple(_column(name, place, schema.field(place).type) for place, name in enumerate(names))


def _column(name: str, place: int, found: pa.DataType) -> ParquetColumn:
    if t.is_dictionary(found):
        inner = _column(name, place, found.value_type)
        return ParquetColumn(name, place, inner.kind, f"a dictionary of {found.value_type}")
    kind, doubt = _kind(found), ""
    reason = f"{found} in the file"
    if kind is None:
        reason = f"{found} is no number, text, boolean or time"
    elif t.is_decimal(found):
        if found.precision > INEXACT_DIGITS:
            doubt = f"a {found}: digits beyond the fifteenth are lost in a float"
    elif t.is_timestamp(found):
        reason += f"; {TO_UTC}" if found.tz else ""
        reason += "; cut to microseconds" if found.unit == "ns" else ""
    elif t.is_null(found):
        doubt = "there is no value to tell its kind by; a column without values is of no use"
        reason = "no value in any row"
    return ParquetColumn(name, place, kind, reason, doubt)


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Kind], ...] = (
    (t.is_integer, "integer"),
    (t.is_floating, "float"),
    (t.is_decimal, "float"),
    (t.is_null, "float"),
    (t.is_boolean, "boolean"),
    (t.is_date, "timestamp"),
    (t.is_timestamp, "timestamp"),
    (t.is_string, "string"),
    (t.is_large_string, "string"),
    (t.is_string_view, "string"),
)


def _kind(found: pa.DataType) -> Kind | None:
    return next((kind for test, kind in _KINDS if test(found)), None)


def parquet_batches(file: pq.ParquetFile) -> Iterator[list[pa.Array]]:
    """All columns as they lie in the file, at most `csv_rows.ROWS` rows at a time."""
    for batch in file.iter_batches(batch_size=ROWS):
        yield batch.columns


def normal(values: pa.Array, kind: Kind) -> pa.Array:
    """The values in the type of their kind; NaN becomes null, as pandas means it.

    Raises
    ------
    pyarrow.ArrowInvalid
        A value has no place in that type.
    """
    if t.is_dictionary(values.type):
        values = values.dictionary_decode()
    if t.is_floating(values.type) or t.is_decimal(values.type):
        values = pc.cast(values, pa.float64(), safe=False)
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
        return pc.cast(values, TYPES[kind])
    if kind == "timestamp":
        return _micros(values)
    # A whole number beyond 2**53 becomes the nearest float.
    return pc.cast(values, TYPES[kind], safe=kind != "float")


def _micros(values: pa.Array) -> pa.Array:
    found = values.type
    if t.is_timestamp(found) and found.unit == "ns":
        # Rounded down, before 1970 too, where Arrow's cast rounds up.
        unit = pa.timestamp("ns")
        values = pc.floor_temporal(pc.cast(values, unit), unit="microsecond")
    return pc.cast(values, TYPES["timestamp"])
