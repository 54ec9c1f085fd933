"""A shift of what moves scores is an alarm within the budget, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from assay.columns import moved_scores
from assay.columns.moved_scores import learn
from assay.monitor.drift.baselines import compare_weekdays
from assay.monitor.drift.budget import REASONS, alarms, evidence
from assay.monitor.drift.drift import decide
from assay.project.params import Monitor
from tests.monitor.drift.test_drift import ROWS, night, profile, reference

__all__ = ["reference"]  # a fixture
NAMES = ("x", "y", "gust", "c")
MEANS = np.array([0.4, 0.3, 0.05, 0.2])


def moved(seed: int, factor: float = 1.0, rows: int = 400) -> np.ndarray:
    """Absolute contributions of a night's rows; ``x`` moves them by so much more."""
    draw = np.random.default_rng(seed)
    levels = MEANS * draw.lognormal(0, 0.1, 4) * [factor, 1, 1, 1]
    return draw.gamma(1, 1, (rows, 4)) * levels


@pytest.fixture(scope="module")
def known(reference):
    from dataclasses import replace

    sums = np.array([moved(seed).sum(axis=0) for seed in range(50)])
    return replace(reference, reasons=learn(NAMES, sums, np.full(50, 400.0)))


def judged(known, factors, weights=True):
    limits, nights = Monitor(), []
    for day, factor in enumerate(factors):
        counts = profile(known, night(5000 + day))
        if weights:
            counts = {**counts, **moved_scores.profile_of(NAMES, moved(900 + day, factor))}
        decision = decide(known, counts, limits, ROWS)
        nights.append((decision, evidence(f"2013-07-{day + 1:02}", "b", decision, known, limits)))
    found = list(alarms([each for _, each in nights], limits.budget))
    return [decision for decision, _ in nights], found


def test_it_takes_several_nights(known) -> None:
    decisions, found = judged(known, [1, 1, 1, 2, 2, 2, 2])
    assert [each.reasons_shift.drifted for each in decisions] == [False] * 3 + [True] * 4
    assert not any(each.crossed for each in decisions)
    by_night = [[alarm.question for alarm in each.alarms] for each in found]
    assert by_night == [[]] * 5 + [[REASONS]] * 2
    assert "x most: 0." in decisions[-1].reasons_shift.words
    assert "what moves scores beyond the reference's" in found[-1].alarms[0].because
    document = decisions[-1].document(Monitor())["reasons_shift"]
    assert set(document["now"]) == set(document["before"]) == set(NAMES)


def test_nights_and_references_without_them_are_asked_nothing(known, reference) -> None:
    decisions, found = judged(known, [1, 1, 1], weights=False)
    assert all(each.reasons_shift is None for each in decisions)
    before = judged(reference, [9, 9, 9, 9])
    assert not any(each.alarms for each in (*found, *before[1]))
    shift = before[0][0].reasons_shift
    assert (shift.distance, shift.drifted) == (None, False) and "lacks it" in shift.words


def test_ordinary_nights_raise_no_more_than_the_budget(known) -> None:
    _, found = judged(known, [1] * 365)
    assert sum(any(a.question == REASONS for a in each.alarms) for each in found) <= 4


def test_weekdays_compare_nights_with_and_without_them(known) -> None:
    bare = profile(known, night(1))
    told = {**profile(known, night(2)), **moved_scores.profile_of(NAMES, moved(2))}
    for one, other in ((bare, told), (told, bare)):
        found = compare_weekdays("2013-07-08", one, {"2013-07-01": other}, 4)
        assert found.nights == ("2013-07-01",)
        assert set(found.distances) == set(bare)
