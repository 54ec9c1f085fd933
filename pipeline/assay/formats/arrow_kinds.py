"""The types of Arrow as the five kinds that tables have here."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.formats.definition import TO_UTC, Kind

MICROS = pa.timestamp("us")
TYPES: dict[Kind, pa.DataType] = {
    "integer": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "timestamp": MICROS,
}
"""The type of each kind in what is read."""
INEXACT_DIGITS = 15

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


def kind_of(found: pa.DataType) -> Kind | None:
    """The kind of a type; None for lists, structures, bytes and the like, which are no use."""
    if t.is_dictionary(found):
        return kind_of(found.value_type)
    return next((kind for test, kind in _KINDS if test(found)), None)


def told(found: pa.DataType) -> tuple[str, str]:
    """What a type is, and what is lost or not known of its values; the latter may be empty."""
    if kind_of(found) is None:
        return f"{found} is no number, text, boolean or time", ""
    if t.is_null(found):
        doubt = "there is no value to tell its kind by; a column without values is of no use"
        return "no value in any row", doubt
    if t.is_decimal(found) and found.precision > INEXACT_DIGITS:
        doubt = f"a {found}: digits beyond the fifteenth are lost in a float"
        return f"{found} in the file", doubt
    zoned = f"; {TO_UTC}" if t.is_timestamp(found) and found.tz else ""
    cut = "; cut to microseconds" if t.is_timestamp(found) and found.unit == "ns" else ""
    return f"{found} in the file{zoned}{cut}", ""


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
    if t.is_timestamp(values.type) and values.type.unit == "ns":
        # Rounded down, before 1970 too, where Arrow's cast rounds up.
        values = pc.floor_temporal(pc.cast(values, pa.timestamp("ns")), unit="microsecond")
    # A whole number beyond 2**53 becomes the nearest float.
    return pc.cast(values, TYPES[kind], safe=kind != "float")


def as_text(values: pa.Array) -> pa.Array:
    """The values as the text of cells, the empty one for none; in a buffer of their own."""
    if t.is_dictionary(values.type):
        values = values.dictionary_decode()
    if t.is_floating(values.type):  # as Python and JSON write them: Arrow writes 1.0 as 1
        cells = pa.array(["" if each is None else repr(each) for each in values.to_pylist()])
    else:
        cells = pc.fill_null(pc.cast(values, pa.string()), "")
    return pa.concat_arrays([cells]) if cells.offset else cells
