"""Few alarms, as many false ones as the budget allows for, and each once its nights are there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.monitor.drift.budget import (
    BudgetInput,
    DriftTest,
    RaisedAlarms,
    SeenValue,
    alarms,
    fdr_level,
    p_value,
)
from assay.monitor.drift.exceedance import exceedance
from assay.project.params.monitoring import Budget

RULE = Budget()
X, SCORE = DriftTest("x", "features", "distance"), DriftTest("probability", "answers", "distance")
USUAL = tuple(np.random.default_rng(0).permutation(np.linspace(0.01, 0.2, 150)))


def night(day: int, x: float | None = 0.1, bundle: str = "b", **more: dict) -> BudgetInput:
    return BudgetInput(f"2013-07-{day:02}", bundle, {X: SeenValue(x, USUAL)}, **more)


def in_alarm(nights: list[BudgetInput], rule: Budget = RULE) -> list[str]:
    return [each.partition for each in alarms(nights, rule) if each.alarms]


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 2), (5, 3)])
def test_p_values_of_ordinary_nights_are_at_most_as_often_small(n: int, k: int) -> None:
    rng = np.random.default_rng(1)
    found = np.array(
        [
            p_value(list(draw[:n]), np.sort(draw[n:]).tolist(), k)
            for draw in rng.normal(size=(8000, n + 40))
        ]
    )
    for limit in (0.005, 0.02, 0.1, 0.5):
        allowed = limit + 3 * math.sqrt(limit / len(found))
        assert (found <= limit).mean() <= allowed
    assert (found <= 0.1).mean() > 0.05


def test_what_has_no_value_is_beyond_nothing() -> None:
    assert p_value([None, None, 0.9], USUAL, 2) == 1.0
    assert p_value([0.9, 0.9], (), 2) == 1.0
    assert p_value([math.nan, 0.9, None], USUAL, 2) == p_value([9.0, 0.9, None], USUAL, 2)
    assert p_value([0.9] * 3, USUAL, 2) < p_value([0.9, 0.15, 0.9], USUAL, 3)


def test_one_odd_night_is_no_alarm_and_k_of_n_are() -> None:
    assert in_alarm([night(1), night(2, 0.9), *(night(day) for day in range(3, 9))]) == []
    days = [night(1), night(2, 0.9), night(3), night(4, 0.9), night(5, 0.9), night(6), night(7)]
    assert in_alarm(days) == ["2013-07-05"]
    (alarm,) = list(alarms(days, RULE))[4].alarms
    assert (alarm.question, alarm.since) == (X, "2013-07-02")
    assert alarm.because == "distance beyond the reference's on 3 of 5 nights"
    assert alarm.p is not None and alarm.p < 1e-3


def test_later_nights_change_nothing() -> None:
    rng = np.random.default_rng(5)
    days = [night(day, float(rng.uniform(0, 0.5))) for day in range(1, 29)]
    whole = list(alarms(days, RULE))
    for end in (3, 9, 20):
        assert list(alarms(days[:end], RULE)) == whole[:end]


def test_a_new_version_starts_its_window_anew() -> None:
    old = [night(day, 0.9) for day in (1, 2)]
    assert in_alarm([*old, night(3, 0.9, bundle="other")]) == []
    assert in_alarm([*old, night(3, 0.9)]) == ["2013-07-03"]


def test_what_is_over_a_limit_by_hand_takes_k_nights_and_what_is_broken_none() -> None:
    over = {DriftTest("c", "data", "new categories"): "new categories over 2%"}
    days = [night(1, over=over), night(2), night(3, over=over), night(4, over=over), night(5)]
    assert in_alarm(days) == ["2013-07-04"]
    broken = {DriftTest("c", "data", "comparison"): "null in every row"}
    (judged,) = alarms([night(1, broken=broken)], RULE)
    assert [(each.p, each.because) for each in judged.alarms] == [(None, "null in every row")]


def test_a_night_without_questions_is_judged_too() -> None:
    assert list(alarms([BudgetInput("n", "b", {})], RULE)) == [RaisedAlarms("n", (), ())]


def test_the_reference_may_be_too_small_or_too_persistent_to_tell() -> None:
    few = next(n for n in range(200) if exceedance(5, 3, 1, n) <= fdr_level(RULE) / 5)
    rng = np.random.default_rng(1)
    alone = tuple(rng.random(150))
    together = tuple(np.sort(rng.random(30)))
    days = [
        BudgetInput(str(day), "b", {X: SeenValue(0.9, usual)})
        for day, usual in enumerate((alone[: few - 1], alone[:few], alone, together))
    ]
    assert [each.blind for each in alarms(days, RULE)] == [("x",), (), (), ("x",)]


def test_odd_nights_that_follow_odd_nights_are_less_of_a_surprise() -> None:
    usual = tuple(np.random.default_rng(1).random(150))
    values = [0.99, 0.995, 0.999]
    found = [p_value(values, usual, 3, persistent) for persistent in (0.0, 0.1, 0.5, 0.9)]
    assert found == sorted(found) and found[0] < found[-1] / 10
    # That nights hang together in its nulls says nothing of a column's distances.
    steady = tuple(np.sort(usual))
    nulls = DriftTest("x", "data", "null share")
    for other in (usual, steady):
        days = [
            BudgetInput(str(day), "b", {X: SeenValue(2.0, usual), nulls: SeenValue(0.5, other)})
            for day in range(5)
        ]
        assert X in {alarm.question for alarm in list(alarms(days, RULE))[-1].alarms}


@settings(max_examples=30)
@given(st.integers(1, 6), st.floats(0.5, 40))
def test_more_budget_never_takes_an_alarm_away(columns: int, budget: float) -> None:
    rng = np.random.default_rng(columns)
    questions = [DriftTest(f"x{i}", "features", "distance") for i in range(columns)]
    days = [
        BudgetInput(
            str(day), "b", {q: SeenValue(float(rng.uniform(0, 0.3)), USUAL) for q in questions}
        )
        for day in range(40)
    ]
    less, more = (
        {
            (each.partition, alarm.question)
            for each in alarms(days, Budget(false_alarms=budget * times))
            for alarm in each.alarms
        }
        for times in (1, 1.3)
    )
    assert less <= more
