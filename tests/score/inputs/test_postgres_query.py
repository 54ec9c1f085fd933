"""Ranges of a column of PostgreSQL: where they are cut."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.score.inputs.postgres import error_message
from assay.score.inputs.postgres_query import KIND, Split, columns

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def split(kind: str) -> Split:
    field = pa.field("n", pa.int64(), metadata={KIND: kind.encode()})
    return Split("n", columns(pa.schema([field]), []))


def test_ranges_of_whole_numbers_have_whole_ends_and_take_nulls_once() -> None:
    assert split("int4").ranges(0, 9, 3) == [
        '"n" < 3 OR "n" IS NULL',
        '"n" >= 3 AND "n" < 6',
        '"n" >= 6',
    ]
    for low, high, splits in ((None, None, 8), (5, 5, 8), (1, 100, 1)):
        assert split("int8").ranges(low, high, splits) == ["TRUE"]
    assert len(split("int8").ranges(-(2**63), 2**63 - 1, 8)) == 8
    assert len(split("int8").ranges(1, 3, 8)) == 2


@given(FLOATS, FLOATS, st.integers(1, 20))
def test_ranges_of_numbers_ascend(one: float, two: float, splits: int) -> None:
    low, high = sorted((one, two))
    ranges = split("float8").ranges(low, high, splits)
    cuts = [float(each.split("'")[1]) for each in ranges[1:]]
    assert len(ranges) <= splits
    assert cuts == sorted(set(cuts)) and all(low < cut <= high for cut in cuts)


def test_days_and_times_are_counted_from_an_epoch() -> None:
    assert split("date").ranges(0, 2, 2)[1] == "\"n\" >= date 'epoch' + 1"
    assert split("timestamptz").ranges(0, 2, 2)[1] == (
        "\"n\" >= timestamptz 'epoch' + 1 * interval '1 microsecond'"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'IO: [libpq] Failed to connect: connection to server at "h", port 1 failed: FATAL:  no',
            "no",
        ),
        ("IO: [libpq] Failed to connect: could not translate\n", "Failed to connect: could not "),
        ("NOT_FOUND: Failed: ERROR:  a column\nLINE 1: x\n\nQuery was: SELECT s", "a column"),
    ],
)
def test_of_what_a_server_says_its_own_line_is_kept(text: str, expected: str) -> None:
    assert error_message(text).startswith(expected)
    assert "\n" not in error_message(text) and "Query" not in error_message(text)
