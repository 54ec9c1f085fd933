"""Labels of earlier nights widen the intervals of estimates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.performance.estimate.widening import STEP, Widths

BEGIN, TONIGHT = date(2013, 7, 1), "2013-12-31"


def said(night: str, **more: Any) -> dict[str, Any]:
    """An estimate with an interval from .4 to .6."""
    known = {"date": night, "bundle": "b", "slice": "", "metric": "auc", "estimated": True}
    return {**known, "maturity_days": None, "value": 0.5, "low": 0.4, "high": 0.6, **more}


def came(night: str, value: float, days: int = 1, **more: Any) -> dict[str, Any]:
    known = {"value": value, "maturity_days": days, "labelled_share": 1.0, "estimated": False}
    return {**said(night), **known, **more}


def table(outside: Sequence[bool]) -> list[dict[str, Any]]:
    nights = [f"{BEGIN + timedelta(days=number)}" for number in range(len(outside))]
    pairs = zip(nights, outside, strict=True)
    return [row for night, out in pairs for row in (said(night), came(night, 0.7 if out else 0.5))]


def width(rows: list[dict[str, Any]], night: str = TONIGHT) -> float:
    return Widths("date", 0.95, rows).on("b", night).get("auc", 1.0)


@given(st.lists(st.booleans(), max_size=120))
def test_as_many_lie_outside_as_stated_in_the_long_run(outside: list[bool]) -> None:
    found = width(table(outside))
    # However they come: more would have made intervals wider still.
    assert sum(outside) <= 0.05 * len(outside) + (found - 1) / STEP + 1e-9
    assert 1 <= found <= 1 + STEP * 0.95 * sum(outside) + 1e-9
    assert width(table([*outside, True])) == pytest.approx(found + STEP * 0.95)
    assert width(table([*outside, False])) == pytest.approx(max(1.0, found - STEP * 0.05))


@pytest.mark.parametrize(
    "row",
    [
        came("2013-07-01", 0.5, labelled_share=0.9),
        came("2013-07-01", 0.4),  # an end belongs to the interval
        came("2013-07-01", 0.6),
    ],
)
def test_a_night_inside_narrows_again(row: dict[str, Any]) -> None:
    before = [said("2013-06-30"), came("2013-06-30", 0.9)]
    assert width([*before, said("2013-07-01"), row]) < width(before)


@pytest.mark.parametrize(
    "rows",
    [
        [said("2013-07-01")],
        [came("2013-07-01", 0.9)],
        [said("2013-07-01", low=None), came("2013-07-01", 0.9)],
        [said("2013-07-01"), came("2013-07-01", 0.9, labelled_share=0.89)],
        [said("2013-07-01"), came("2013-07-01", 0.9, labelled_share=None)],
        [said("2013-07-01", bundle="other"), came("2013-07-01", 0.9, bundle="other")],
        [said("2013-07-01", slice="a=b"), came("2013-07-01", 0.9, slice="a=b")],
        [said("2013-07-10"), came("2013-07-10", 0.9)],  # tonight itself, and later
        [said("2013-07-11"), came("2013-07-11", 0.9)],
        [said("2013-07-09"), came("2013-07-09", 0.9)],  # its labels are not there tonight
        [said("2013-07-03"), came("2013-07-03", 0.9, days=7)],
        [said("first"), came("first", 0.9)],
    ],
)
def test_what_is_not_known_for_certain_widens_nothing(rows: list[dict[str, Any]]) -> None:
    assert width(rows, "2013-07-10") == 1
    assert width(rows, "second") == 1


def test_the_longest_maturity_that_is_over_counts() -> None:
    rows = [said("2013-07-01"), came("2013-07-01", 0.9), came("2013-07-01", 0.5, days=7)]
    assert width(rows, "2013-07-08") > 1 and width(rows, "2013-07-09") == 1


def test_nights_count_in_their_order_and_each_metric_by_itself() -> None:
    late, early = table([True, False, False]), table([False, False, True])
    assert width(late) == width(late[::-1]) < width(early)
    other = [{**row, "metric": "f1"} for row in late]
    assert Widths("date", 0.95, [*early, *other]).on("b", TONIGHT) == {
        "auc": width(early),
        "f1": width(late),
    }


def test_one_night_outside_adds_a_fifth_of_a_width() -> None:
    assert width(table([True])) == pytest.approx(1.19)


def test_a_lower_confidence_lets_more_lie_outside() -> None:
    rows = table([True, False, False])
    assert Widths("date", 0.8, rows).on("b", TONIGHT)["auc"] == pytest.approx(1 + STEP * 0.4)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([1, 7, 30])), min_size=1, max_size=60))
def test_nights_asked_about_one_by_one_are_those_asked_about_alone(
    nights: list[tuple[bool, int]],
) -> None:
    rows = table([out for out, _ in nights])
    for row, days in zip(rows[1::2], (days for _, days in nights), strict=True):
        row["maturity_days"] = days
    one_by_one, asked = Widths("date", 0.95), list[str]()
    for number, row in enumerate(rows):
        if row["date"] not in asked:
            asked.append(row["date"])
            alone = Widths("date", 0.95, rows[:number]).on("b", row["date"])
            assert one_by_one.on("b", row["date"]) == alone
        one_by_one.add([row])
