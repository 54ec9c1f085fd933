"""Columns and types of a table, and what rules and models get to see of it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contract.columns import to_frame
from assay.contract.loader import load_contract_text
from assay.contract.schema import canonical_schema, check_schema, conform
from assay.errors import SchemaMismatch

TEXT = """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    i: int = pa.Field(metadata={"role": "key"})
    t: datetime.datetime = pa.Field(metadata={"role": "time"})
    f: float = pa.Field(nullable=True, metadata={"role": "feature"})
    s: str = pa.Field(nullable=True, metadata={"role": "feature"})
    b: bool = pa.Field(metadata={"role": "label"})
    ni: int = pa.Field(nullable=True, metadata={"role": "feature"})
    nb: bool = pa.Field(nullable=True, metadata={"role": "feature"})
"""
CONTRACT = load_contract_text(TEXT, "c.py")
GOOD = canonical_schema(CONTRACT)


def with_type(name: str, kind: pa.DataType) -> pa.Schema:
    return GOOD.set(GOOD.get_field_index(name), pa.field(name, kind))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[("i", each) for each in (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint32())],
        *[("f", each) for each in (pa.int64(), pa.float32(), pa.null())],
        *[("ni", each) for each in (pa.float64(), pa.float32())],
        ("s", pa.large_string()),
        ("s", pa.string_view()),
        ("s", pa.dictionary(pa.int16(), pa.string())),
        ("s", pa.dictionary(pa.int32(), pa.large_string())),
        ("t", pa.timestamp("ns")),
        ("t", pa.timestamp("s", tz="America/New_York")),
        ("t", pa.date32()),
    ],
)
def test_safe_widenings(name: str, kind: pa.DataType) -> None:
    schema = with_type(name, kind)
    check_schema(CONTRACT, schema.append(pa.field("extra", pa.binary())), "raw")
    frame = to_frame(CONTRACT, schema.empty_table())
    assert list(frame.columns) == list(CONTRACT.columns)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("i", pa.float64()),
        ("ni", pa.float16()),
        ("i", pa.string()),
        ("i", pa.null()),
        ("f", pa.string()),
        ("f", pa.bool_()),
        ("s", pa.int64()),
        ("s", pa.binary()),
        ("s", pa.dictionary(pa.int8(), pa.int64())),
        ("b", pa.int8()),
        ("t", pa.string()),
        ("t", pa.int64()),
        ("t", pa.time64("us")),
    ],
)
def test_another_type(name: str, kind: pa.DataType) -> None:
    with pytest.raises(SchemaMismatch) as caught:
        check_schema(CONTRACT, with_type(name, kind), "raw/a.parquet")
    (line,) = caught.value.lines()
    assert line.startswith(f"raw/a.parquet: column {name!r} has another type (expected ")
    assert line.endswith(f"found {kind})")


def test_one_line_a_column() -> None:
    schema = pa.schema(
        [
            ("i", pa.int64()),
            ("i", pa.int64()),
            ("T", pa.date32()),
            ("s", pa.int8()),
            ("zz", pa.int8()),
        ]
    )
    with pytest.raises(SchemaMismatch) as caught:
        check_schema(CONTRACT.without_label(), schema, "raw")
    assert caught.value.lines() == [
        "raw: column 'i' is there 2 times",
        "raw: column 't' is missing (expected timestamp, found 'T': renamed?)",
        "raw: column 'f' is missing (expected float)",
        "raw: column 's' has another type (expected string: a string type, found int8)",
        "raw: column 'ni' is missing (expected integer)",
        "raw: column 'nb' is missing (expected boolean)",
    ]


def integers(values: pa.Array) -> list[int | None]:
    columns = batch(nulls=False).slice(0, 1).to_pydict()
    rows = pa.table(
        {**{name: cells * len(values) for name, cells in columns.items()}, "ni": values}
    )
    found: list[int | None] = conform(CONTRACT, rows)["ni"].to_pylist()
    return found


WHOLE = st.lists(st.none() | st.integers(-(2**53), 2**53), min_size=1, max_size=9)


@given(WHOLE)
def test_integers_that_were_written_as_floats_are_the_same(values: list[int | None]) -> None:
    assert integers(pa.array(values, pa.float64())) == values
    nan = [float("nan") if each is None else float(each) for each in values]
    assert integers(pa.array(nan, pa.float64())) == values


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (1.5, pa.float64(), r"Float value 1\.50* was truncated"),
        (2.0**53 + 2, pa.float64(), "9007199254740994 is beyond 9007199254740992"),
        (-(2.0**60), pa.float64(), "not exact"),
        (2.0**24 + 2, pa.float32(), "16777218 is beyond 16777216"),
        (float("inf"), pa.float64(), "inf is beyond"),
    ],
)
def test_a_float_that_is_no_whole_number_for_sure_is_refused(
    value: float, kind: pa.DataType, told: str
) -> None:
    with pytest.raises(SchemaMismatch, match=f"column 'ni' cannot be read as integer.*{told}"):
        integers(pa.array([1.0, value, None], kind))


def batch(nulls: bool) -> pa.RecordBatch:
    last = None if nulls else 1
    return pa.record_batch(
        {
            "nb": pa.array([True, last and False]),
            "ni": pa.array([3, last], pa.int16()),
            "s": pa.array(["x", last and "y"]).dictionary_encode(),
            "i": pa.array([1, last], pa.int32()),
            "f": pa.array([1.5, last], pa.float32()),
            "b": pa.array([True, last and True]),
            "t": pa.array([0, last], pa.timestamp("s", tz="America/New_York")),
        }
    )


def test_dtypes_follow_the_contract() -> None:
    frame = to_frame(CONTRACT, batch(nulls=False))
    assert [str(each) for each in frame.dtypes] == [
        "int64",
        "datetime64[us]",
        "float64",
        "object",
        "bool",
        "float64",
        "object",
    ]
    assert frame.t[0] == np.datetime64("1970-01-01T00:00:00")
    assert frame.nb.tolist() == [True, False]
    assert frame.s.tolist() == ["x", "y"]


def test_nulls_do_not_crash() -> None:
    frame = to_frame(CONTRACT, batch(nulls=True))
    assert frame.i.dtype == frame.ni.dtype == frame.f.dtype == np.float64
    assert frame.isna().iloc[1].all()
    assert frame.s[1] is None
    assert frame.nb[1] is None
    assert frame.b[1] is None


def test_batch_and_table_and_slices_agree() -> None:
    one = batch(nulls=True)
    table = pa.Table.from_batches([one, one])
    frame = to_frame(CONTRACT, table, ["f", "s"])
    assert list(frame.columns) == ["f", "s"]
    assert to_frame(CONTRACT, table.slice(2), ["f", "s"]).equals(
        to_frame(CONTRACT, one, ["f", "s"])
    )
    assert list(frame.index) == [0, 1, 2, 3]


def test_unknown_or_missing_column() -> None:
    with pytest.raises(KeyError):
        to_frame(CONTRACT, batch(nulls=False), ["none"])
    with pytest.raises(SchemaMismatch, match="column 's'"):
        to_frame(CONTRACT, batch(nulls=False).select(["f"]), ["s"])


def test_a_time_out_of_range_is_a_mismatch_and_not_a_crash() -> None:
    table = pa.table({"t": pa.array([2**62], pa.timestamp("s"))})
    with pytest.raises(SchemaMismatch, match="'t' cannot be read as timestamp"):
        to_frame(CONTRACT, table, ["t"])


def test_conform_is_canonical_and_cuts_nanoseconds() -> None:
    one = pa.Table.from_batches([batch(nulls=False)])
    nanos = pa.array([1_999, 2_001], pa.timestamp("ns"))
    table = conform(CONTRACT, one.set_column(6, "t", nanos).append_column("x", nanos))
    assert table.schema == GOOD
    assert table["t"].to_pylist()[1] == dt.datetime(1970, 1, 1, 0, 0, 0, 2)


def test_no_column_is_guessed_where_a_first_row_may_be_somebodys() -> None:
    private = load_contract_text(
        TEXT.replace('{"role": "key"}', '{"role": ["key", "pii"]}'), "c.py"
    )
    with pytest.raises(SchemaMismatch) as caught:
        check_schema(private, pa.schema([("T", pa.date32())]), "raw")
    assert not [line for line in caught.value.lines() if "renamed" in line or "'T'" in line]
