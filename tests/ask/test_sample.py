"""Samples by design: what is drawn, with which probability, and what it is worth."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.ask.sample import (
    SampleDesign,
    design,
    design_variance,
    few,
    least_budget,
    random_equivalent,
    spread,
)
from assay.metrics.label_effects import LabelEffects, label_effects

SPREADS = arrays(
    np.float64, st.integers(1, 300), elements=st.sampled_from([0.0, 0.01, 0.2, 0.3, 1.0, 5.0])
)


def scored(rows: int = 4_000, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).beta(0.4, 3, rows)


def precise(scores: np.ndarray) -> tuple[LabelEffects, np.ndarray]:
    found = label_effects("precision", scores, 0.3, scores)
    return found, spread(found, scores, np.ones(len(scores), dtype=bool))


@given(SPREADS, st.integers(1, 400), st.integers(0, 99))
def test_each_row_that_matters_can_be_drawn(spreads: np.ndarray, budget: int, seed: int) -> None:
    found = design(spreads, budget)
    matter = spreads > 0
    assert ((found.probabilities > 0) == matter).all() and (found.probabilities <= 1).all()
    assert ((found.strata >= 0) == matter).all()
    assert found.rows.sum() == matter.sum()
    # A stratum has one label at least, however few there are for all.
    assert found.labels.sum() <= max(budget, (found.rows > 0).sum())
    assert found.labels.sum() >= min(budget, matter.sum())
    order = np.random.default_rng(seed).permutation(len(spreads))
    drawn = found.draw(order, seed)
    assert len({*drawn.tolist()}) == len(drawn)
    of = np.bincount(found.strata[drawn], minlength=len(found.rows))
    assert (of == found.labels).all()
    assert (found.draw(order, seed) == drawn).all()


def test_rows_that_say_more_are_drawn_more_often_and_as_often_as_stated() -> None:
    scores = scored(300)
    effects = label_effects("brier", scores, 0.3, scores)
    spreads = spread(effects, scores, np.ones(300, dtype=bool))
    found = design(spreads, 30)
    order, seen = np.arange(300), np.zeros(300)
    for seed in range(1_500):
        seen[found.draw(order, seed)] += 1
    assert np.abs(seen / 1_500 - found.probabilities).max() < 0.06
    assert found.probabilities[spreads.argmax()] > 1.5 * found.probabilities[spreads.argmin()] > 0


def bound(spreads: np.ndarray, labels: int) -> float:
    """With labels in proportion to the spread, which no design betters."""
    return float(spreads.sum() ** 2 / labels - np.square(spreads).sum())


def reached(found: SampleDesign, spreads: np.ndarray) -> float:
    effects = LabelEffects(0.0, np.zeros(len(spreads)), 2 * spreads)
    return design_variance(found, effects, np.full(len(spreads), 0.5)) * len(spreads) ** 2


@pytest.mark.parametrize("least", [0.0, 0.1, 2.0])
def test_strata_are_as_good_as_any_design(least: float) -> None:
    spreads = least + scored(5_000)
    found = design(spreads, 500)
    assert 10 < len(found.rows) <= 20
    assert bound(spreads, 500) <= reached(found, spreads) < 1.02 * bound(spreads, 500)


def stratified(spreads: np.ndarray, cuts: tuple[int, ...], budget: int) -> float:
    """What strata cost: the roots of rows times squares, but a label's worth at the least."""
    parts = np.split(spreads, cuts)
    roots = [(len(part) * np.square(part).sum()) ** 0.5 for part in parts if len(part)]
    return float(np.maximum(roots, spreads.sum() / budget).sum())


@pytest.mark.parametrize("budget", [3, 8, 13, 22])
@pytest.mark.parametrize("seed", range(12))
def test_no_other_cuts_are_better(seed: int, budget: int) -> None:
    spreads = np.sort(np.exp(np.random.default_rng(seed).uniform(-3, 2, 9)))
    strata = design(spreads, budget).strata
    assert (np.diff(strata) >= 0).all()
    count = max(1, budget // 4)
    assert len(np.unique(strata)) <= count
    best = min(
        stratified(spreads, cuts, budget)
        for many in range(count)
        for cuts in combinations(range(1, 9), many)
    )
    own = tuple((np.flatnonzero(np.diff(strata)) + 1).tolist())
    assert stratified(spreads, own, budget) == pytest.approx(best)


@pytest.mark.parametrize(("little", "whole"), [(0.001, True), (0.01, True), (0.2, False)])
def test_a_few_rows_that_say_much_are_not_lost_among_many_that_say_little(
    little: float, whole: bool
) -> None:
    """As where two models mostly agree: the rows on which they do not decide the change."""
    much = np.arange(5_000) % 50 == 0
    spreads = np.where(much, 3.0, little)
    found = design(spreads, 200)
    assert found.labels.sum() == 200
    assert (found.probabilities[much] == 1).all() == whole
    left, labels = (spreads[~much], 100) if whole else (spreads, 200)
    best = bound(left, labels)
    assert best - 1e-9 <= reached(found, spreads) <= 1.01 * best


def test_labels_lie_in_all_nights() -> None:
    nights = np.repeat(np.arange(40), 100)
    found = design(np.ones(4_000), 400)
    counts = np.bincount(nights[found.draw(np.arange(4_000), 3)], minlength=40)
    assert counts.min() >= 1


def test_a_known_label_is_not_asked_for() -> None:
    scores = scored(50)
    found = label_effects("brier", scores, 0.3, scores)
    unknown = np.arange(50) % 2 == 0
    assert ((spread(found, scores, unknown) > 0) == unknown).all()


def test_a_row_says_as_much_as_its_slope_and_its_label_s_spread() -> None:
    effects = LabelEffects(0.0, np.zeros(3), np.array([2.0, -1.0, 0.5]))
    expected = np.array([0.1, 0.5, 0.6])  # with a mean of 0.4
    doubted = np.array([0.13, 0.49, 0.58])
    found = spread(effects, expected, np.ones(3, dtype=bool))
    assert found == pytest.approx(np.array([2.0, 1.0, 0.5]) * np.sqrt(doubted * (1 - doubted)))


def test_rows_that_say_next_to_nothing_take_no_label_of_their_own() -> None:
    spreads = np.append(np.full(4, 1e-4), np.linspace(1, 2, 296))
    found = design(spreads, 30)
    assert len(found.rows) > 1 and (found.strata[4:] == found.strata[0]).any()
    assert found.labels.sum() == 30
    # Not where nothing else could be cut either.
    for size in (1e-3, 1.0):
        found = design(size * np.append(np.full(4, 1e-4), np.ones(296)), 30)
        assert len(np.unique(found.strata)) == 1


def test_the_one_label_of_a_stratum_may_be_any_row_s() -> None:
    found = design(np.ones(10), 1)
    assert {int(found.draw(np.arange(10), seed)[0]) for seed in range(300)} == set(range(10))


def test_a_score_of_0_is_not_believed_altogether() -> None:
    scores = np.array([0.0, 0.0, 0.5, 0.5])
    found = label_effects("brier", scores, 0.3, scores)
    assert (spread(found, scores, np.ones(4, dtype=bool))[:2] > 0).all()


def test_the_variance_is_that_of_samples() -> None:
    """Over draws and labels, of the part that drawing adds."""
    scores = scored(2_000)
    effects, spreads = precise(scores)
    found = design(spreads, 120)
    random, errors = np.random.default_rng(2), []
    for seed in range(1_500):
        labels = random.random(2_000) < scores
        drawn = found.draw(np.arange(2_000), seed)
        surprise = labels - scores
        weighted = (surprise / np.maximum(found.probabilities, 1e-9))[drawn]
        errors.append((weighted @ effects.slope[drawn] - surprise @ effects.slope) / 2_000)
    assert np.var(errors) == pytest.approx(design_variance(found, effects, scores), rel=0.12)


def test_chance_needs_many_more_labels_where_few_rows_matter() -> None:
    scores = scored()
    effects, spreads = precise(scores)
    every = np.ones(len(scores), dtype=bool)
    adds = design_variance(design(spreads, 200), effects, scores)
    needed = random_equivalent(adds, effects, scores, every)
    assert needed > 3 * 200
    # So many labels by chance add that variance: (1 / labels - 1 / rows) times that of a row.
    means = effects.fixed + scores * effects.slope
    each = means.var() + (effects.slope**2 * scores * (1 - scores)).mean()
    assert each * (1 / needed - 1 / len(scores)) == pytest.approx(adds, rel=0.02)
    assert random_equivalent(0.0, effects, scores, every) == len(scores)
    nothing = LabelEffects(0.0, np.zeros(len(scores)), np.zeros(len(scores)))
    assert random_equivalent(0.0, nothing, scores, every) == len(scores)


def test_the_least_budget_is_enough_and_one_less_is_not() -> None:
    scores = scored()
    effects, spreads = precise(scores)
    wanted = design_variance(design(spreads, 300), effects, scores)
    least = least_budget(spreads, effects, scores, wanted)
    assert least is not None and least == pytest.approx(300, abs=12)
    assert design_variance(design(spreads, least), effects, scores) <= wanted
    assert least_budget(spreads, effects, scores, 0.0) is None
    everything = least_budget(spreads, effects, scores, 1e-12)
    assert everything == (spreads > 0).sum()


def test_few_rows_of_the_rarer_label_are_too_few_however_many_labels() -> None:
    scores = np.full(10_000, 0.001)
    effects = label_effects("recall", scores, 0.0005, scores)
    effects = LabelEffects(effects.value, effects.fixed, np.ones(10_000))
    spreads = spread(effects, scores, np.ones(10_000, dtype=bool))
    assert few(design(spreads, 5_000), effects, scores)
    assert not few(design(spreads, 9_999 + 1), effects, scores)
    often = np.full(10_000, 0.3)
    assert not few(design(spreads, 50), effects, often)
    assert few(design(spreads, 20), effects, often)


def test_rows_that_are_all_labelled_do_not_make_the_others_enough() -> None:
    """Thirty weigh so much that all are labelled; ten labels are left for 400 that weigh little."""
    slopes, expected = np.append(np.full(30, 100.0), np.full(400, 1.0)), np.full(430, 0.3)
    effects = LabelEffects(0.0, np.zeros(430), slopes)
    found = design(spread(effects, expected, np.ones(430, dtype=bool)), 40)
    assert (found.probabilities[:30] == 1).all() and (found.probabilities[30:] < 1).all()
    assert few(found, effects, expected)


def test_nothing_is_asked_where_nothing_matters() -> None:
    found = design(np.zeros(5), 10)
    assert isinstance(found, SampleDesign)
    assert found.labels.sum() == 0 and len(found.draw(np.arange(5), 1)) == 0
