"""The same weekdays of the weeks before: which nights, merged how, and what is usual for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assay.columns.profile import ColumnProfile, Profile, merge_profiles
from assay.monitor.drift.baselines import (
    WeekdayDistances,
    WeekdayHistory,
    compare_weekdays,
    weekdays_before,
)


def night(seed: int, columns: int = 2, cells: int = 12) -> Profile:
    rng = np.random.default_rng(seed)
    return {
        f"x{i}": ColumnProfile(
            int(counts.sum()), 0, tuple(counts.tolist()), float(i), float(i), 0.0, 1.0
        )
        for i, counts in enumerate(rng.integers(0, 90, (columns, cells)))
    }


def test_the_same_weekday_across_months_and_years() -> None:
    assert weekdays_before("2013-03-05", 2) == ("2013-02-26", "2013-02-19")
    assert weekdays_before("2014-01-03", 1) == ("2013-12-27",)
    assert weekdays_before("north", 4) == ()


def test_comparable_nights_are_merged() -> None:
    tonight, one, two = night(0), night(1), night(2)
    earlier = {
        "2013-07-01": one,
        "2013-06-24": two,
        "2013-06-17": night(3, columns=3),
        "2013-06-10": night(3, cells=5),
        "2013-07-02": night(4),
    }
    found = compare_weekdays("2013-07-08", tonight, earlier, 4)
    assert found.nights == ("2013-07-01", "2013-06-24")
    both = {"2013-07-01": merge_profiles(one, two)}
    assert found.distances == compare_weekdays("2013-07-08", tonight, both, 1).distances
    assert compare_weekdays("2013-07-08", one, {"2013-07-01": one}, 4).distances == {
        "x0": 0.0,
        "x1": 0.0,
    }


def test_why_there_is_nothing_to_compare_with() -> None:
    assert "no weekday" in compare_weekdays("north", night(0), {}, 4).none
    assert "none of the 3" in compare_weekdays("2013-07-08", night(0), {}, 3).none
    empty = {name: replace(c, counts=(0,) * 12, nulls=c.rows) for name, c in night(1).items()}
    found = compare_weekdays("2013-07-08", night(0), {"2013-07-01": empty}, 4)
    assert found.distances == {"x0": None, "x1": None}


def test_a_night_is_usual_once_it_has_left_the_window() -> None:
    habits = WeekdayHistory(2)
    seen = [habits.next(WeekdayDistances((), {"x": v}), ["x", "y"]) for v in (0.5, None, 0.3, 0.1)]
    assert [each["x"].value for each in seen] == [0.5, None, 0.3, 0.1]
    assert [each["x"].usual for each in seen] == [(), (), (0.5,), (0.5,)]
    assert seen[0]["y"].value is None
    assert habits.next(WeekdayDistances((), {}), ["x"])["x"].usual == (0.5, 0.3)
