from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.formats.source import FIRST_INVENTED
from assay.init.nights import (
    JUDGED,
    LEAST_NIGHTS,
    cut_by_chance,
    cut_by_time,
    find_time_copies,
    last_day,
)
from assay.project.params.values import Every
from assay.project.partitions import first_day

JANUARY = date(2024, 1, 1)


def spread(days: int, rows: int, step: int = 1) -> dict[date, int]:
    return {JANUARY + timedelta(days=step * number): rows for number in range(days)}


@pytest.mark.parametrize(
    ("days", "every"),
    [
        (spread(60, 500), "day"),
        (spread(400, 10), "week"),
        (spread(200, 10), "day"),  # a third of 28 weeks could not judge a model
        (spread(2000, 2), "month"),
        (spread(700, 2), "week"),  # four months could not judge a model
        (spread(40, 100, step=120), "day"),  # a report each four months is a night, too
        (spread(20, 1), "day"),  # too few rows for any: as many nights as there can be
    ],
)
def test_the_finest_nights_with_rows_enough(days: dict[date, int], every: Every) -> None:
    found = cut_by_time(days)
    assert found is not None and found.every == every


def test_the_holdout_takes_nights_enough_to_judge_by_if_it_may() -> None:
    year, short = cut_by_time(spread(350, 3)), cut_by_time(spread(20, 100))
    assert year is not None and (year.every, year.held_out) == ("week", JUDGED)
    # Fifteen of seventeen nights would be more than the holdout may have.
    assert short is not None and short.held_out < JUDGED


def test_what_a_person_says_is_taken() -> None:
    found = cut_by_time(spread(200, 500), "month")
    assert found is None  # seven months are too few
    found = cut_by_time(spread(400, 500), "month")
    assert found is not None and (found.every, found.count) == ("month", 14)


def test_too_few_days_are_no_nights() -> None:
    assert cut_by_time(spread(LEAST_NIGHTS - 1, 500)) is None
    assert cut_by_time({}) is None


@given(
    st.dictionaries(st.dates(date(2000, 1, 1), date(2030, 12, 31)), st.integers(1, 500), min_size=1)
)
def test_windows_share_no_day_and_leave_nights_to_score(days: dict[date, int]) -> None:
    found = cut_by_time(days)
    if found is None:
        return
    nights = {first_day(day, found.every) for day in days}
    assert found.count == len(nights) >= LEAST_NIGHTS
    (begin, train), (first, held) = found.train, found.holdout
    assert begin <= train < first <= held < found.scored[0] <= found.scored[-1]
    for night in nights:
        # No night lies in two windows, and none in none.
        last = last_day(night, found.every)
        inside = [
            begin <= night and last <= train,
            first <= night and last <= held,
            night in found.scored,
        ]
        assert inside.count(True) == 1, (night, found)


@given(st.integers(100, 5_000_000))
def test_invented_nights_hold_every_row(rows: int) -> None:
    found = cut_by_chance(rows)
    assert found.by == "chance" and found.train[0] == FIRST_INVENTED
    assert 20 <= found.count <= 40 and len(found.scored) <= 4
    middle, fewest, most = found.rows
    assert 0 <= fewest < middle < most and middle * found.count <= rows


def test_a_month_of_days_keeps_as_many_for_the_holdout_as_training_can_spare() -> None:
    days = {date(2024, 1, 1) + timedelta(days=number): 25 for number in range(32)}
    found = cut_by_time(days)
    assert found is not None and (found.every, found.held_out) == ("day", 11)


def test_invented_nights_have_as_many_rows_as_chance_gives_them() -> None:
    middle, fewest, most = cut_by_chance(1500).rows
    assert (middle, fewest, most) == (37, 13, 61)


@pytest.mark.parametrize(("freq", "every"), [("YS", "year"), ("MS", "month"), ("W-MON", "week")])
def test_days_that_are_all_firsts_of_a_year_are_years(freq: str, every: str) -> None:
    days = {each.date(): 50 for each in pd.date_range("1990-01-01", periods=20, freq=freq)}
    found = cut_by_time(days)
    assert found is not None and (found.every, found.count) == (every, 20)
    assert found.holdout[1] + timedelta(days=1) == found.scored[0]
    said = cut_by_time(days, "day")
    assert said is not None and said.every == "day"


def test_an_odd_night_is_not_what_nights_are_like() -> None:
    days = spread(200, 100)
    odd = {**days, JANUARY + timedelta(days=90): 900, JANUARY + timedelta(days=120): 5}
    weekly = {day: 50 if day.weekday() == 6 else rows for day, rows in odd.items()}
    growing = {day: 100 + number for number, day in enumerate(days)}
    for rows, swing in ((days, 1.0), (odd, 1.0), (weekly, 2.0), (growing, 1.07)):
        found = cut_by_time(rows, "day")
        assert found is not None and found.swing == pytest.approx(swing, abs=0.01)


def test_a_project_begins_with_a_night_that_is_whole() -> None:
    days = spread(200, 100)
    *_, before, last = days
    for few, begins in (
        ({}, [*days][-7]),
        (dict.fromkeys([*days][-7:-2], 49), before),
        ({**dict.fromkeys([*days][-7:], 10), last: 30}, last),
    ):
        found = cut_by_time({**days, **few}, "day")
        assert found is not None and found.scored == (*[*days][-7:],)
        assert found.first == begins


def test_numbers_that_are_the_time_in_another_form() -> None:
    rng = np.random.default_rng(2)
    when = pd.Series(pd.date_range("2015-09-01", periods=700).repeat(3))
    days = pd.Series(np.arange(700).repeat(3))
    forms = pd.DataFrame(
        {
            "when": when,
            "decimal": (when.dt.year + when.dt.dayofyear / 366).round(3),
            "excel": days + 42248,
            "left": 1000.0 - days.where(days % 10 > 0),
            "yyyyddd": when.dt.year * 1000 + when.dt.dayofyear,
            "yyyymmdd": when.dt.strftime("%Y%m%d").astype(int),
            "yyyymm": when.dt.strftime("%Y%m").astype(int),
            "month": when.dt.month,
            "odometer": rng.gamma(2, 1, 2100).cumsum(),
            "price": days / 100 + rng.normal(0, 1, 2100),
            "flag": days > 350,
        }
    )
    found = find_time_copies(forms, "when", [name for name in forms if name != "when"])
    assert [*found] == ["decimal", "excel", "left", "yyyyddd", "yyyymmdd", "yyyymm"]


def test_numbers_whose_squares_overflow_are_no_time() -> None:
    at = pd.Series(pd.date_range("2024-01-01", periods=40, freq="D"))
    rows = pd.DataFrame({"at": at, "far": [1e300, -1e307, *range(38)]})
    assert find_time_copies(rows, "at", ["far"]) == {}


def test_a_month_is_no_time_though_the_table_has_but_one_year() -> None:
    when = pd.Series(pd.date_range("2015-01-01", periods=300))
    assert find_time_copies(pd.DataFrame({"t": when, "month": when.dt.month}), "t", ["month"]) == {}
