"""A night is held for what was counted of it, and for nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.columns.distance import js_distance
from assay.columns.profile import ColumnProfile
from assay.contract.loader import load_contract
from assay.errors import ParamsError
from assay.project.params import Publish, Quarantine, RowCount, UniqueKey
from assay.score.publication_checks import (
    RunCounts,
    _chance_of_counts,
    check_budget,
    collect_facts,
    hold_reasons,
)
from assay.store import RecentRuns

CONTRACT = load_contract(Path(__file__).parents[1] / "parcels/data/contract.py").without_label()
RULE = "weight: greater_than(0)"
DAY = date(2024, 3, 1)
RULES = (RowCount(rule="row_count", min=5, max=5000), UniqueKey(rule="unique_key"))


def score(*counts: int) -> ColumnProfile:
    return ColumnProfile(sum(counts), 0, counts, 0.0, 0.0, 0.0, 1.0)


GOOD = RunCounts(
    rows=100,
    quarantined=0,
    null_scores=0,
    broken={},
    nulls={"weight": 0},
    newest=DAY,
    duplicate_keys=0,
    score=score(50, 30, 20),
)
BEFORE = ("2024-02-29", "2024-02-28", "2024-02-27")
USUAL = RecentRuns((90, 100, 110), (score(49, 30, 21),) * 3, BEFORE)


def held(facts: RunCounts, recent: RecentRuns = USUAL, **budget: Any) -> tuple[str, ...]:
    limits = Publish(min_nights=3, max_row_change=0.5, max_score_distance=0.3)
    return hold_reasons(facts, RULES, Quarantine(**budget), limits, recent, DAY)


def test_a_night_within_its_rules_is_published() -> None:
    assert held(GOOD) == ()


def test_the_contract_s_rules_about_the_night_count() -> None:
    assert held(replace(GOOD, duplicate_keys=None)) == (
        "unique_key: expected every key once, found a key column is missing",
    )
    (reason,) = held(replace(GOOD, duplicate_keys=4))
    assert "found 4 rows repeat a key" in reason


def test_quarantine_has_a_budget_for_all_rows_and_one_for_each_rule() -> None:
    facts = replace(GOOD, quarantined=4, broken={"other": 1, RULE: 3})
    assert held(facts, max_share=0.04, rules={RULE: 0.03}) == ()
    assert held(facts, max_share=0.03, rules={RULE: 0.02, "never broken": 0.0}) == (
        f"quarantine: expected at most 3.00% of the rows, found 4.00% (4 of 100; most broke "
        f"'{RULE}')",
        f"quarantine by '{RULE}': expected at most 2.00% of the rows, found 3.00% (3 of 100)",
    )


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_of_rules_that_as_many_rows_broke_the_first_by_name_is_told(order: tuple[str, str]) -> None:
    facts = replace(GOOD, quarantined=4, broken=dict.fromkeys(order, 2))
    (reason,) = held(facts, max_share=0.03)
    assert reason.endswith("most broke 'a')")


def test_a_budget_for_a_rule_that_the_contract_does_not_have_is_a_mistake() -> None:
    check_budget(Quarantine(rules={RULE: 0.1}), CONTRACT)
    with pytest.raises(ParamsError) as caught:
        check_budget(Quarantine(rules={"weight: greater(0)": 0.1, "zzz": 0.1}), CONTRACT)
    first, second = caught.value.lines()
    assert first == (
        "params.yaml: quarantine.rules: the contract has no rule 'weight: greater(0)'; "
        f"did you mean '{RULE}'?"
    )
    assert "no rule 'zzz': " in second and RULE in second


def test_scores_that_are_none_have_a_budget() -> None:
    facts = replace(GOOD, quarantined=2, null_scores=1)
    assert held(facts, max_share=0.1) == (
        "null scores: expected at most 0.00% of the scored rows, found 1.02% (1 of 98)",
    )
    limits = Publish(max_null_share=0.02)
    assert hold_reasons(facts, RULES, Quarantine(max_share=0.1), limits, USUAL, DAY) == ()


@pytest.mark.parametrize(("rows", "ok"), [(66, False), (67, True), (150, True), (151, False)])
def test_a_night_s_size_is_compared_with_the_median_of_recent_nights(rows: int, ok: bool) -> None:
    found = held(replace(GOOD, rows=rows))
    assert (found == ()) is ok
    if not ok:
        assert found == (
            "row count: expected 67 to 150 rows, as the median of 3 recent nights is 100, "
            f"found {rows}",
        )


@pytest.mark.parametrize("change", [0.5, 1.0, 5.0])
def test_rows_may_be_lost_as_much_as_they_may_be_gained(change: float) -> None:
    limits = Publish(min_nights=3, max_row_change=change)
    times = 1 + change

    def reasons(rows: int) -> tuple[str, ...]:
        facts = replace(GOOD, rows=rows, score=None)
        return hold_reasons(facts, (), Quarantine(), limits, USUAL, DAY)

    assert not reasons(round(100 * times)) and not reasons(-(-100 // int(times)) + 1)
    assert reasons(round(100 * times) + 1) and reasons(int(100 / times) - 1)


def test_first_nights_are_compared_with_those_of_the_reference() -> None:
    limits = Publish(min_nights=3, max_row_change=0.5)

    def reasons(rows: int, before: tuple[int, ...], recent: RecentRuns) -> tuple[str, ...]:
        facts = replace(GOOD, rows=rows, score=None, before=before)
        return hold_reasons(facts, (), Quarantine(), limits, recent, DAY)

    # One night of a single row is an accident of the table, not what a night may be.
    usual = (1, 180, 200, 205, 210, 230)
    two = replace(USUAL, rows=(1, 1))
    (reason,) = reasons(1, usual, two)
    assert "expected 120 to 315 rows, as the nights of training had 180 to 210" in reason
    assert "fewer than 3 are published to compare with, found 1" in reason
    assert reasons(316, usual, RecentRuns()) and not reasons(315, usual, RecentRuns())
    assert not reasons(120, usual, RecentRuns()) and reasons(119, usual, RecentRuns())
    # Once there are enough, they decide; too few of training decide nothing.
    assert not reasons(100, usual, USUAL) and not reasons(1, (200, 200), RecentRuns())


def test_few_rows_may_lie_far_apart_by_chance() -> None:
    """Nights of twelve rows of one distribution, over 256 cells as those of a model have."""
    random = np.random.default_rng(4)
    shares = random.dirichlet(np.ones(256))
    limits = Publish(min_nights=3, max_score_distance=0.5)

    def reasons(rows: int, of: Any) -> tuple[str, ...]:
        recent = [score(*random.multinomial(rows, shares)) for _ in range(3)]
        facts = replace(GOOD, score=score(*random.multinomial(rows, of)))
        usual = replace(USUAL, scores=tuple(recent), nights=BEFORE)
        return hold_reasons(facts, RULES, Quarantine(), limits, usual, DAY)

    assert [reasons(12, shares) for _ in range(20)] == [()] * 20
    others = np.where(np.arange(256) < 20, 1 / 20, 0)
    assert "score distribution" in reasons(2000, others)[0]


def test_nights_may_differ_as_much_as_those_of_the_reference() -> None:
    """Nights whose rows hang together: each has about its own score, as by its weather."""
    random = np.random.default_rng(7)

    def night() -> Any:
        around = random.normal(50, 12)
        return np.bincount(np.clip(random.normal(around, 3, 70), 0, 99).astype(int), minlength=100)

    reference = [night() for _ in range(100)]
    whole = np.sum(reference, axis=0)
    farthest = max(float(js_distance(whole - each, each)) for each in reference)
    limits = Publish(min_nights=3, max_score_distance=0.5)

    def reasons(counts: Any, learnt: float) -> tuple[str, ...]:
        usual = replace(
            USUAL, scores=tuple(score(*night()) for _ in range(5)), nights=(*BEFORE, "a", "b")
        )
        facts = replace(GOOD, score=score(*counts), farthest=learnt)
        return hold_reasons(facts, RULES, Quarantine(), limits, usual, DAY)

    ordinary = [night() for _ in range(50)]
    assert sum(bool(reasons(each, 0.0)) for each in ordinary) > 25
    assert sum(bool(reasons(each, farthest)) for each in ordinary) <= 1
    # Where nights were alike, the limit stays what params.yaml says.
    (reason,) = reasons(np.eye(100, dtype=int)[99] * 70, 0.1)
    assert "expected within 0.50 of 5 recent nights" in reason


def test_scores_are_compared_with_those_of_recent_nights_together() -> None:
    night = replace(GOOD, score=score(30, 30, 40))
    assert held(night) == ()
    (reason,) = held(replace(GOOD, score=score(0, 0, 100)))
    assert reason.startswith("score distribution: expected within 0.30 of 3 recent nights")
    assert "found 0.77" in reason
    nothing = ColumnProfile(9, 9, (0, 0, 0), 0, 0, None, None)
    assert held(replace(GOOD, score=nothing)) == (
        "score distribution: no row has a score to compare with those of recent nights",
    )
    # One night of many rows weighs as much as its rows.
    recent = replace(USUAL, scores=(score(1, 0, 0), score(1, 0, 0), score(0, 0, 9999)))
    assert held(replace(GOOD, score=score(0, 0, 100)), recent) == ()


def test_too_few_nights_or_other_cells_are_no_reason_to_hold() -> None:
    odd = replace(GOOD, rows=1000, score=score(0, 0, 1000))
    assert len(held(odd)) == 2
    assert held(odd, RecentRuns()) == ()
    assert held(odd, RecentRuns(USUAL.rows[:2], USUAL.scores[:2], BEFORE[:2])) == ()
    assert len(held(odd, replace(USUAL, scores=(score(5, 5),) * 3))) == 1
    assert held(replace(GOOD, score=None)) == ()


def test_a_night_without_rows_is_never_published() -> None:
    nothing = replace(GOOD, rows=0, score=None)
    assert held(nothing, RecentRuns(), max_share=0.5) != ()


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.floats(0, 1))
@example(20, 1, 0.02)
@example(19, 1, 0.02)
@example(20, 1, 0.0)
@example(20, 2, 0.02)
def test_a_share_is_over_its_limit_exactly_when_it_is(rows: int, bad: int, limit: float) -> None:
    bad = min(bad, rows)
    facts = replace(GOOD, rows=rows, quarantined=bad, broken={RULE: bad})
    found = hold_reasons(facts, (), Quarantine(max_share=limit), Publish(), RecentRuns(), DAY)
    # One row of 20 or more, where some may be refused, is no reason.
    one = bad == 1 and rows >= 20 and limit > 0
    assert bool(found) is (bad / rows > limit and not one)


def counted(seed: int, rows: int = 60) -> ColumnProfile:
    """Scores of a night, over cells as those of a model."""
    values = np.random.default_rng(seed).gamma(2, 10, rows)
    counts = np.bincount(np.clip(values, 0, 99).astype(int), minlength=100)
    return ColumnProfile(
        rows,
        0,
        tuple(counts.tolist()),
        float(values.sum()),
        float(values @ values),
        float(values.min()),
        float(values.max()),
    )


def test_the_rows_of_an_earlier_night_once_more_are_held() -> None:
    scores = tuple(counted(seed) for seed in range(3))
    recent = RecentRuns((60,) * 3, scores, BEFORE)
    again = replace(scores[1], total=scores[1].total * (1 + 1e-14))
    facts = replace(GOOD, rows=60, score=again)
    (reason,) = held(facts, recent)
    assert reason == (
        "the same rows again: expected other scores than on night 2024-02-28, found the same 60, "
        "as if its rows were delivered once more"
    )
    # Not where the reference had such nights, nor other scores in the same cells.
    assert held(replace(facts, repeats=True), recent) == ()
    assert held(replace(facts, score=replace(again, total=again.total * 1.001)), recent) == ()
    assert held(replace(facts, score=replace(again, high=again.high + 1)), recent) == ()  # type: ignore[operator]
    assert held(replace(facts, score=counted(9)), recent) == ()


@pytest.mark.parametrize(
    ("distances", "moved", "repeats"),
    [
        ((0.1, 0.2, 0.3), (0.1, 0.2, 0.3), False),
        ((0.1, 0.2, 0.1), (0.1, 0.2, 0.3), False),
        ((0.1, 0.2, 0.1), (0.1, 0.2, 0.1), True),
        ((0.1, 0.2, 0.1), None, True),
        ((), None, False),
    ],
)
def test_a_reference_with_equal_nights_expects_them(
    distances: tuple[float, ...], moved: Any, repeats: bool
) -> None:
    reference = SimpleNamespace(
        scores=("probability",),
        distances={"probability": distances},
        moved={} if moved is None else {"probability": moved},
        rows=(),
    )
    bundle: Any = SimpleNamespace(reference=reference, manifest=SimpleNamespace(task="binary"))
    given: Any = SimpleNamespace(monitor=SimpleNamespace(baseline="weekday"), publish=Publish())
    tally: Any = SimpleNamespace(
        profile={}, rows=1, null_scores=0, broken={}, nulls={}, newest=None
    )
    facts = collect_facts(tally, 0, bundle, given, 0)
    assert (facts.repeats, facts.farthest) == (repeats, max(distances, default=0.0))


def test_few_rows_in_few_cells_are_the_same_by_chance() -> None:
    few = score(5, 3, 2)
    recent = RecentRuns((10,) * 3, (few,) * 3, BEFORE)
    assert held(replace(GOOD, rows=10, score=few), recent) == ()
    random = np.random.default_rng(0)
    for rows, shares in ((10, [0.5, 0.3, 0.2]), (400, [0.9, 0.1]), (30, np.full(20, 0.05))):
        first, *others = random.multinomial(rows, shares, size=20_000)
        alike = float(np.mean([(each == first).all() for each in others]))
        told = math.exp(_chance_of_counts(tuple(first.tolist())))
        # One cell follows from the others, so samples of a fixed size are alike more often.
        assert alike < 60 * told + 1e-3
