"""What the challengers on one holdout may err, one by one and together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metrics.intervals.spending import level_left, pass_level

CONFIDENCE = st.floats(0.5, 0.999)
PLACE = st.integers(1, 10_000)


def test_the_first_has_the_level_of_the_interval() -> None:
    assert pass_level(1, 0.95) == pytest.approx(0.025)
    assert [round(pass_level(k, 0.95), 6) for k in (2, 3, 12)] == [0.0125, 0.004167, 0.000189]


@given(PLACE, CONFIDENCE)
def test_what_is_spent_and_what_is_left_are_the_whole(place: int, confidence: float) -> None:
    spent = sum(pass_level(k, confidence) for k in range(1, place + 1))
    assert spent + level_left(place, confidence) == pytest.approx(1 - confidence)


@given(PLACE, CONFIDENCE)
def test_a_later_one_is_never_allowed_more(place: int, confidence: float) -> None:
    assert (
        0
        < pass_level(place + 1, confidence)
        <= pass_level(place, confidence) / 2 * (1 if place < 3 else 2)
    )


@pytest.mark.parametrize("place", [0, -1])
def test_there_is_no_place_before_the_first(place: int) -> None:
    with pytest.raises(ValueError, match=f"no challenger number {place}"):
        pass_level(place, 0.95)
