"""Axis ends are round, contain the values, and stay on their side of zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metrics.estimate import Estimate
from assay.pages.svg import axis_limits, round_out

NUMBERS = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9)


@given(NUMBERS, NUMBERS)
def test_an_axis_contains_its_values_and_crosses_zero_only_with_them(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    start, end = round_out(low, high)
    assert start <= low + 1e-9 * abs(low) and end >= high - 1e-9 * abs(high)
    assert start < end
    assert start >= 0 or low < 0
    assert end <= 0 or high >= 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [((3.0, 480.0), (0.0, 600.0)), ((-480.0, -3.0), (-600.0, 0.0)), ((0.0, 0.0), (0.0, 0.1))],
)
def test_prices_start_at_zero(values: tuple[float, float], expected: tuple[float, float]) -> None:
    assert round_out(*values) == expected


def test_values_far_from_zero_keep_an_axis_of_their_own() -> None:
    assert round_out(1000.0, 1010.0) == (998.0, 1012.0)
    assert axis_limits([Estimate(0.71, 0.7, 0.74)]) == (0.69, 0.75)
