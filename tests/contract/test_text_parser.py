"""Text cells: what can be read is read exactly, and what cannot is a reason, never a null."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contract.loader import load_contract_text
from assay.contract.schema import TYPES, canonical_schema
from assay.contract.text_parser import (
    LINE,
    ONE_CELL_A_COLUMN,
    ONE_OBJECT,
    READERS,
    parse_cells,
    parse_rows,
    parsing_rules,
    rows_as_text,
)
from assay.errors import SchemaMismatch

CONTRACT = load_contract_text(
    """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    i: int = pa.Field(metadata={"role": "key"})
    t: datetime.datetime = pa.Field(metadata={"role": "time"})
    f: float = pa.Field(nullable=True, metadata={"role": "feature"})
    s: str = pa.Field(nullable=True, metadata={"role": "feature"})
    b: bool = pa.Field(metadata={"role": "feature"})
    y: bool = pa.Field(metadata={"role": "label"})
""",
    "c.py",
).without_label()
GOOD = {"i": "1", "t": "2024-03-01 10:00", "f": "1.5", "s": "a", "b": "true"}


def rows(**columns: list[str | None]) -> pa.Table:
    """Good cells but in ``columns``."""
    length = len(next(iter(columns.values())))
    whole = {name: [cell] * length for name, cell in GOOD.items()} | columns
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in whole.items()})


def lines(*records: Any) -> pa.Table:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in records]
    return pa.table({LINE: texts})


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("i", " 12 ", 12),
        ("i", "-9223372036854775808", -(2**63)),
        ("i", "007", 7),
        ("i", "37.0", 37),
        ("i", " -37.00 ", -37),
        ("i", "9223372036854775807.0", 2**63 - 1),
        ("f", "1e3", 1000.0),
        ("f", " -.5", -0.5),
        ("f", "-Infinity", -math.inf),
        ("f", "1e999", math.inf),
        ("b", "TRUE", True),
        ("b", "0", False),
        ("b", " f", False),
        ("t", "2024-03-01", at("2024-03-01")),
        ("t", "2024-03-01T10", at("2024-03-01T10:00")),
        ("t", "2024-03-01T10:00:01.123456789", at("2024-03-01T10:00:01.123456")),
        ("t", "2024-03-01 10:00:01.5+02:00", at("2024-03-01T08:00:01.5")),
        ("t", "2024-03-01T10:00Z", at("2024-03-01T10:00")),
        ("s", " as it is ", " as it is "),
        ("s", "x" * 1_000_000, "x" * 1_000_000),
        ("f", None, None),
    ],
)
def test_a_cell_is_read_as_its_column_is_typed(name: str, cell: str | None, value: Any) -> None:
    table, broken = parse_rows(CONTRACT, rows(**{name: [cell]}))
    assert table.schema == canonical_schema(CONTRACT)
    assert table[name].to_pylist() == [value]
    assert broken == {}


@pytest.mark.parametrize(
    ("name", "cell", "rule"),
    [
        ("i", "12.5", "i: readable as integer"),
        ("i", "1e1", "i: readable as integer"),
        ("i", "0x1F", "i: readable as integer"),
        ("i", "9223372036854775808", "i: readable as integer"),
        ("i", "", "i: readable as integer"),
        ("f", "1,5", "f: readable as float"),
        ("f", "12\ufffd", "f: readable as float"),
        ("b", "maybe", "b: readable as boolean"),
        ("t", "2024-13-01", "t: readable as timestamp"),
        ("t", "01/03/2024", "t: readable as timestamp"),
        ("t", "2024-03-01T25:00Z", "t: readable as timestamp"),
        ("s", "caf\ufffd", "s: valid text"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(name: str, cell: str, rule: str) -> None:
    good = GOOD[name]
    table, broken = parse_rows(CONTRACT, rows(**{name: [good, cell, None, good]}))
    assert {key: mask.tolist() for key, mask in broken.items()} == {
        rule: [False, True, False, False]
    }
    assert table[name].is_null().to_pylist() == [False, name != "s", True, False]
    assert rule in parsing_rules(CONTRACT)


CELLS = {
    "integer": st.integers(-(2**65), 2**65).map(str),
    "float": st.floats().map(repr),
    "boolean": st.sampled_from(["true", "False", "T", "1", "0", "yes", "tru"]),
    "timestamp": st.datetimes().map(str) | st.datetimes(timezones=st.just(dt.UTC)).map(str),
}


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_the_cells_around_it_change_nothing_for_a_cell(kind, data: st.DataObject) -> None:
    odd = st.text(alphabet=" 0123456789.-+:TZeExXntfalsru", max_size=12)
    cells = data.draw(st.lists(st.none() | CELLS[kind] | odd, max_size=12))
    together, bad = parse_cells(kind, pa.array(cells, pa.string()))
    assert together.type == TYPES[kind]
    for place, cell in enumerate(cells):
        alone, refused = parse_cells(kind, pa.array([cell], pa.string()))
        assert alone[0].equals(together[place]) or str(alone[0]) == str(together[place]) == "nan"
        assert refused[0] == bad[place] == (cell is not None and alone.null_count == 1)


@given(st.lists(st.floats(), min_size=1), st.lists(st.datetimes(), min_size=1))
def test_numbers_and_times_come_back_exactly(numbers, times) -> None:
    values, bad = parse_cells("float", pa.array([repr(each) for each in numbers]))
    assert not bad.any()
    np.testing.assert_array_equal(values.to_numpy(), numbers)
    moments, bad = parse_cells("timestamp", pa.array([each.isoformat() for each in times]))
    assert not bad.any()
    assert moments.to_pylist() == times


def test_a_line_without_a_cell_for_each_column_is_refused_and_none_of_its_cells_is_used() -> None:
    table = rows(i=["1", "2", "3"], s=["a", "b\ufffd", "c"])
    table = table.append_column(LINE, pa.array([None, "2,b", None], pa.string()))
    found, broken = parse_rows(CONTRACT, table)
    assert {key: mask.tolist() for key, mask in broken.items()} == {
        ONE_CELL_A_COLUMN: [False, True, False]
    }
    assert found.to_pylist()[1] == dict.fromkeys(CONTRACT.columns)
    assert found["i"].to_pylist() == [1, None, 3]
    assert rows_as_text(table.take([1]), CONTRACT.columns).to_pylist()[0][LINE] == "2,b"
    assert LINE not in rows_as_text(table.take([0, 2]), CONTRACT.columns).schema.names


def test_columns_that_are_typed_already_are_taken_as_they_are() -> None:
    table = rows(s=["a"]).set_column(0, "i", pa.array([7], pa.int32()))
    found, broken = parse_rows(CONTRACT, table)
    assert (found["i"].to_pylist(), broken) == ([7], {})
    with pytest.raises(SchemaMismatch, match="'i' is there 0 times"):
        parse_rows(CONTRACT, table.drop_columns(["i"]))


def test_json_values_keep_their_own_types() -> None:
    record = {"i": 1, "t": "2024-03-01T10:00Z", "f": 2, "s": "", "b": True, "more": [1]}
    found, broken = parse_rows(CONTRACT, lines(record, {**record, "f": 2**53 + 1, "s": None}))
    assert broken == {}
    assert found.schema == canonical_schema(CONTRACT)
    first = {"i": 1, "t": at("2024-03-01T10:00"), "f": 2.0, "s": "", "b": True}
    assert found.to_pylist() == [first, {**first, "f": float(2**53), "s": None}]


def test_nan_in_json_is_no_value_and_infinity_is_a_number() -> None:
    good = {"i": 1, "t": "2024-03-01", "f": 1.5, "s": "a", "b": True}
    none = lines({**good, "i": math.nan, "f": math.nan}, {**good, "f": -math.inf})
    found, broken = parse_rows(CONTRACT, none)
    assert (found["i"].to_pylist(), broken) == ([None, 1], {})
    assert found["f"].to_pylist() == [None, -math.inf]
    assert found["f"].null_count == 1


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("i", "1", "i: readable as integer"),
        ("i", 1.5, "i: readable as integer"),
        ("i", 1e300, "i: readable as integer"),
        ("i", True, "i: readable as integer"),
        ("i", 2**63, "i: readable as integer"),
        ("f", "1.5", "f: readable as float"),
        ("f", False, "f: readable as float"),
        ("b", 1, "b: readable as boolean"),
        ("s", 7, "s: readable as string"),
        ("s", {"a": 1}, "s: readable as string"),
        ("s", "\ud800", "s: valid text"),
        ("t", 1709287200, "t: readable as timestamp"),
        ("t", "yesterday", "t: readable as timestamp"),
    ],
)
def test_a_json_value_of_another_type_is_named(name: str, value: Any, rule: str) -> None:
    good = {"i": 1, "t": "2024-03-01", "f": 1.5, "s": "a", "b": True}
    table = lines(good, {**good, name: value}, good)
    _, broken = parse_rows(CONTRACT, table)
    assert {key: mask.tolist() for key, mask in broken.items()} == {rule: [False, True, False]}
    kept = rows_as_text(table.take([1]), CONTRACT.columns).to_pylist()[0]
    shown = value if isinstance(value, str) else json.dumps(value)
    assert kept[name] == shown.replace("\ud800", "?")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[1]",
        '{"i": 1',
        '{"i": 1}{"i": 2}',
        '{"i": 1, "i": 2}',
        '{"i": 1} null',
        "[" * 100_000,
        '{"i": ' + "1" * 5000 + "}",
    ],
)
def test_a_line_that_is_no_json_object_is_refused_with_its_text(line: str) -> None:
    good = {"i": 1, "t": "2024-03-01", "f": 1.5, "s": "a", "b": True}
    table = lines(good, line)
    found, broken = parse_rows(CONTRACT, table)
    assert {key: mask.tolist() for key, mask in broken.items()} == {ONE_OBJECT: [False, True]}
    assert found["i"].to_pylist() == [1, None]
    assert rows_as_text(table.take([0, 1]), CONTRACT.columns).to_pylist()[1][LINE] == line


def test_an_object_without_a_key_is_a_row_with_a_null() -> None:
    found, broken = parse_rows(CONTRACT, lines({}))
    assert (found.to_pylist(), broken) == ([dict.fromkeys(CONTRACT.columns)], {})


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "i": st.integers(-(2**64), 2**64) | st.text(max_size=3),
                "f": st.floats() | st.integers() | st.booleans(),
                "s": st.text(max_size=5) | st.integers(),
                "b": st.booleans() | st.none(),
            },
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_objects_around_it_change_nothing_for_an_object(records) -> None:
    together, broken = parse_rows(CONTRACT, lines(*records))
    for place, record in enumerate(records):
        alone, own = parse_rows(CONTRACT, lines(record))
        assert str(alone.to_pylist()[0]) == str(together.to_pylist()[place])
        assert set(own) == {rule for rule, mask in broken.items() if mask[place]}


def test_a_refused_object_shows_the_columns_of_the_contract_only() -> None:
    table = lines({"i": "x", "note": "call 555"}, {"note": "call 555"}, "call 555")
    kept = rows_as_text(table, CONTRACT.columns).to_pylist()
    assert [{k: v for k, v in row.items() if v is not None} for row in kept] == [
        {"i": "x"},
        {},
        {LINE: "call 555"},
    ]
