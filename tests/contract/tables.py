"""Columns of every kind, in every form in which Arrow may bring them, and contracts of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from assay.contract.definition import Contract, Field, Kind, Role, Rule

EPOCH = dt.datetime(1970, 1, 1)
BIG = [2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]

VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    "integer": st.integers(-3, 9) | st.sampled_from(BIG),
    "float": st.integers(-3, 9).map(float)
    | st.floats()
    | st.sampled_from([-0.0, 0.5, float("inf"), float("-inf"), float("nan")]),
    "string": st.sampled_from(["", "A", "AB", "AB\n", "ab", "A1", "é", "\U0001f6eb", "a" * 40])
    | st.text(max_size=3),
    "boolean": st.booleans(),
    "timestamp": st.integers(-5, 5).map(lambda n: EPOCH + dt.timedelta(microseconds=n))
    | st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2200, 1, 1)),
}
"""Values of each kind, most of them close to one another, so that rules hold and break."""

TYPES: dict[Kind, list[pa.DataType]] = {
    "integer": [pa.int64()],
    "float": [pa.float64()],
    "string": [pa.string(), pa.large_string()],
    "boolean": [pa.bool_()],
    "timestamp": [pa.timestamp("us"), pa.timestamp("us", tz="America/New_York")],
}


def field(kind: Kind, nullable: bool = True, rules: tuple[Rule, ...] = ()) -> Field:
    return Field("x", (Role.FEATURE,), kind, nullable, 1, rules=rules)


def contract(*fields: Field) -> Contract:
    return Contract("Row", "c.py", "", fields, (), "late")


@st.composite
def arrays(draw: st.DrawFn, kind: Kind, values: list[Any]) -> pa.Array:
    """The values in one of the forms that may be read as this kind."""
    array = pa.array(values, draw(st.sampled_from(TYPES[kind])))
    if kind != "string" or draw(st.booleans()):
        return array
    # A dictionary as a writer may leave it: in any order, with repeats, gaps and idle entries.
    names = [*dict.fromkeys(values), draw(st.sampled_from(["idle", "AB", None]))]
    if draw(st.booleans()):
        names = names[::-1]
    places = [
        None if each is None and draw(st.booleans()) else names.index(each) for each in values
    ]
    indices = pa.array(places, draw(st.sampled_from([pa.int8(), pa.int32(), pa.uint16()])))
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, array.type))


@st.composite
def batches(draw: st.DrawFn, kind: Kind, values: list[Any]) -> pa.RecordBatch | pa.Table:
    """The values as the column ``x``: sliced out of more, cut into chunks, or plain."""
    idle = draw(st.lists(VALUES[kind] | st.none(), max_size=9))
    array = draw(arrays(kind, [*idle, *values])).slice(len(idle))
    if draw(st.booleans()):
        return pa.record_batch({"x": array})
    cut = draw(st.integers(0, len(values)))
    if pa.types.is_dictionary(array.type):
        # Each chunk with a dictionary of its own.
        index = array.type.index_type
        parts = [
            part.dictionary_decode()
            .dictionary_encode()
            .cast(pa.dictionary(index, part.type.value_type))
            for part in (array[:cut], array[cut:])
        ]
        return pa.table({"x": pa.chunked_array(parts, parts[0].type)})
    return pa.table({"x": pa.chunked_array([array[:cut], array[cut:]], array.type)})


def series(kind: Kind, values: list[Any]) -> pd.Series:
    """The values, none of them null, as a pandas user would hold them."""
    dtypes = {
        "integer": "int64",
        "float": "float64",
        "string": "object",
        "boolean": "bool",
        "timestamp": "datetime64[us]",
    }
    if kind == "timestamp":
        return pd.Series(np.array(values, dtype="datetime64[us]"))
    return pd.Series(values, dtype=dtypes[kind])
