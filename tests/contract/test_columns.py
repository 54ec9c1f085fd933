"""A column is what Arrow says it is, in whatever form it came and however it is cut."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.features import FrameFeatures
from assay.columns.grid import CategoryGrid, NumberGrid
from assay.columns.profile_counter import compute_profile
from assay.contract.columns import Columns
from assay.contract.definition import Kind
from assay.errors import SchemaMismatch
from tests.contract.tables import EPOCH, VALUES, batches, contract, field

KINDS: tuple[Kind, ...] = get_args(Kind)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Columns, list[Any]]:
    """Columns, and the values of the only one: None where null, NaN included."""
    kind = draw(st.sampled_from(KINDS))
    nulls = draw(st.booleans())
    values = draw(st.lists((VALUES[kind] | st.none()) if nulls else VALUES[kind], max_size=25))
    given = Columns(contract(field(kind, draw(st.booleans()))), draw(batches(kind, values)))
    if kind == "float":
        values = [None if each is None or math.isnan(each) else each for each in values]
    return given, values


def micros(value: Any) -> Any:
    return value if isinstance(value, (int, float)) else (value - EPOCH) // pd.Timedelta(1, "us")


def check(columns: Columns, values: list[Any]) -> None:
    """Every view of the column says the same."""
    given = columns.contract.field("x")
    assert columns.rows == len(values)
    assert columns.present("x").tolist() == [each is not None for each in values]
    nulls, low, high = columns.extent("x")
    assert nulls == values.count(None)
    known = [each for each in values if each is not None]
    if known and given.kind not in ("string", "boolean"):
        assert (low, high) == (micros(min(known)), micros(max(known)))
    else:
        assert (low, high) == (None, None)
    if given.kind == "string":
        codes, categories = columns.coded("x")
        assert codes.dtype == np.int32
        assert len(set(categories)) == len(categories)
        assert all(type(each) is str for each in categories)
        assert [None if code < 0 else categories.objects[code] for code in codes] == values
    elif given.kind != "timestamp":
        expected = [math.nan if each is None else float(each) for each in values]
        np.testing.assert_array_equal(columns.numbers("x"), np.array(expected))
        assert columns.numbers("x").dtype == np.float64
    loose = given.nullable or None in values
    dtypes = {"string": "object", "boolean": "object" if loose else "bool"}
    dtypes |= {"float": "float64", "integer": "float64" if loose else "int64"}
    frame = columns.frame()
    assert list(frame.columns) == ["x"]
    assert frame.index.equals(pd.RangeIndex(len(values)))
    assert str(frame["x"].dtype) == dtypes.get(given.kind, "datetime64[us]")
    held = [None if pd.isna(each) else each for each in frame["x"]]
    if given.kind == "timestamp":
        held = [each and each.to_pydatetime() for each in held]
    assert held == [
        float(v) if loose and v is not None and given.kind == "integer" else v for v in values
    ]
    if given.kind in ("string", "boolean"):
        assert [each for each in frame["x"] if each is not None] == known


@settings(deadline=None)
@given(cases())
def test_every_view_of_a_column_says_the_same(case: tuple[Columns, list[Any]]) -> None:
    check(*case)


@settings(deadline=None)
@given(cases(), st.data())
def test_rows_that_are_taken_are_those_rows(
    case: tuple[Columns, list[Any]], data: st.DataObject
) -> None:
    columns, values = case
    if data.draw(st.booleans()):
        columns.extent("x")  # converted before or after makes no difference
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    kept = columns.filter(mask.astype(bool))
    rest = [each for each, keep in zip(values, mask, strict=True) if keep]
    check(kept, rest)
    assert kept.table.num_rows == kept.select(["x"]).num_rows == len(rest)
    places = np.array(data.draw(st.lists(st.integers(0, len(rest) - 1))) if rest else [], dtype=int)
    check(kept.take(places), [rest[place] for place in places])
    taken = kept.take(places).table
    # As text: NaN is not equal to itself.
    assert str(taken.to_pylist()) == str(kept.table.take(pa.array(places)).to_pylist())
    assert taken.schema == kept.table.schema


@settings(deadline=None)
@given(cases())
def test_a_profile_is_the_same_from_arrow_and_from_pandas(case: tuple[Columns, list[Any]]) -> None:
    columns, _ = case
    kind = columns.contract.field("x").kind
    if kind == "timestamp":
        return
    grid = CategoryGrid(("AB", "")) if kind == "string" else NumberGrid((-1.0, 0.0, 5.0))
    features = FrameFeatures(columns.frame())
    assert compute_profile(columns, {"x": grid}) == compute_profile(features, {"x": grid})


def test_nothing_is_converted_twice_and_whole_columns_are_not_copied() -> None:
    batch = pa.record_batch({"x": pa.array([1.0, 2.0, 3.0])})
    columns = Columns(contract(field("float")), batch)
    assert columns.numbers("x") is columns.numbers("x")
    assert columns.numbers("x").ctypes.data == batch.column(0).buffers()[1].address
    assert columns.filter(np.ones(3, dtype=bool)) is columns
    coded = Columns(
        contract(field("string")),
        pa.record_batch({"x": pa.array(["a", "b", "a"]).dictionary_encode()}),
    ).coded("x")
    assert not coded.codes.flags.owndata


def test_a_frame_that_may_be_written_to_leaves_the_columns_alone() -> None:
    columns = Columns(contract(field("float")), pa.table({"x": [1.0, None]}))
    frame = columns.frame(copy=True)
    frame.loc[0, "x"] = 9.0
    assert columns.numbers("x")[0] == 1.0


def test_columns_that_are_missing_or_of_another_kind() -> None:
    text = Columns(contract(field("string")), pa.table({"y": ["a"]}))
    assert not text.has("x")
    for ask in (text.coded, text.present, text.extent, text.values):
        with pytest.raises(SchemaMismatch, match="column 'x' is there 0 times"):
            ask("x")
    with pytest.raises(KeyError):
        text.coded("y")
    with pytest.raises(SchemaMismatch, match="'x' cannot be read as float"):
        Columns(contract(field("float")), pa.table({"x": ["word"]})).numbers("x")
    with pytest.raises(SchemaMismatch, match="x: expected numbers, found a string"):
        Columns(contract(field("string")), pa.table({"x": ["1"]})).numbers("x")
    with pytest.raises(SchemaMismatch, match="x: expected strings, found a float"):
        Columns(contract(field("float")), pa.table({"x": [1.0]})).coded("x")


def test_bytes_that_are_no_text_are_a_mismatch_and_not_a_crash() -> None:
    for kind in (pa.string(), pa.large_string()):
        wrong = pa.array([b"\xff\xfe"], pa.binary()).cast(pa.large_binary()).view(pa.large_string())
        column = wrong if kind == pa.large_string() else wrong.cast(pa.string())
        for each in (column, column.dictionary_encode()):
            with pytest.raises(SchemaMismatch, match="'x' holds text that is not UTF-8"):
                Columns(contract(field("string")), pa.table({"x": each})).coded("x")


def test_a_dictionary_longer_than_the_batch_is_not_carried_along() -> None:
    words = pa.array([f"w{i}" for i in range(1000)]).dictionary_encode()
    coded = Columns(contract(field("string")), pa.table({"x": words[500:503]})).coded("x")
    assert list(coded.categories) == ["w500", "w501", "w502"]
