"""Numbers and names in sentences."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gate.rules import wording


def test_limits() -> None:
    assert wording.format_limit(0.7, "min") == "at least 0.7"
    assert wording.format_limit(1e-9, "max") == "at most 1e-09"
    assert wording.format_limit(0.123456789012, "max") == "at most 0.123456789012"


@pytest.mark.parametrize(
    ("point", "limit", "text"),
    [
        (0.7, 0.7, "0.7"),
        (0.123456789, 0.123456789, "0.123456789"),
        (0.75312, 0.7, "0.7531"),
        (0.69999, 0.7, "0.69999"),
        (0.6999999, 0.7, "0.6999999"),
        (123456.0, 123457.0, "123456"),
        (12345.0, 1.0, "1.234e+04"),
        (0.1 + 0.2, 0.3, "0.30000000000000004"),
        (0.1, math.nextafter(0.1, 1), "0.1"),
    ],
)
def test_as_many_digits_as_it_takes(point: float, limit: float, text: str) -> None:
    assert wording.format_number(point, limit) == text


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_what_is_written_lies_on_its_side_of_the_limit(point: float, limit: float) -> None:
    written, end = wording.format_number(point, limit), wording.format_number(limit, point)
    assert math.isclose(float(written), point, rel_tol=1e-3, abs_tol=1e-300)
    if point != limit:
        assert written != end
        assert (float(written) < float(end)) is (point < limit)


def test_intervals() -> None:
    assert (
        wording.format_interval(0.7531, 0.7, 0.8, 0.72, 0.95) == "0.7531, 95% interval 0.7 to 0.8,"
    )
    assert (
        wording.format_interval(0.7, 0.65, 0.75, 0.7, 0.999) == "0.7, 99.9% interval 0.65 to 0.75,"
    )


def test_names_that_are_nothing() -> None:
    assert wording.unknown_name_message(
        "slice", "orign", ["origin", "origin", "carrier"], "the file"
    ) == ("the file has no slice 'orign', only carrier, origin; did you mean 'origin'?")
    assert wording.unknown_name_message("slice", "zzz", ["origin"], "the file") == (
        "the file has no slice 'zzz', only origin"
    )
    assert wording.unknown_name_message("slice", "zzz", [], "the file") == (
        "the file has no slices, so none of 'zzz'"
    )
