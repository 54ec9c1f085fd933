from __future__ import annotations

import numpy as np
import pytest

from assay.metrics.influence import (
    Influence,
    SamplingVariation,
    sampling_variation,
    share_variation,
)
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from tests.metrics.intervals import scenes

TIMES = 200
"""How often each row is taken, so that once more or less is a small step of its weight."""


def derivatives(scored: LabelledScores) -> dict[str, np.ndarray]:
    """n times the slope of every metric in the weight of each row, by differences."""
    n = len(scored)
    often, slopes = np.full(n, TIMES), []
    for row in range(n):
        more, less = (
            scored.take(np.repeat(np.arange(n), often + step * (np.arange(n) == row)))
            .evaluator()
            .metrics()
            for step in (1, -1)
        )
        slopes.append({name: n * TIMES * (more[name] - less[name]) / 2 for name in more})
    found = {name: np.array([each[name] for each in slopes]) for name in slopes[0]}
    if "auc" in found:
        found["auc"] = raised(scored, found["auc"])
    return found


def raised(scored: LabelledScores, slopes: np.ndarray) -> np.ndarray:
    """Those of an AUC as DeLong has them, who divides by one row less of either label."""
    if scored.task == "multiclass":
        one_by_one = [
            LabelledScores("binary", scored.truth == place, scored.scores[:, place])
            for place in range(len(scored.classes))
        ]
        return np.mean([derivatives(one)["auc"] for one in one_by_one], axis=0)
    rows = np.where(scored.truth, scored.truth.sum(), (~scored.truth).sum())
    return slopes * np.sqrt(rows / (rows - 1))


def by_row(rows: np.ndarray, steps: np.ndarray | None = None) -> SamplingVariation:
    found = Influence(rows) if steps is None else Influence(rows, steps)
    return sampling_variation(found, SamplingUnits.rows(len(rows)))


@pytest.mark.parametrize("task", scenes.SCENES)
@pytest.mark.parametrize("seed", [1, 2])
def test_each_is_the_derivative_of_its_metric(task, seed) -> None:
    for scored in scenes.SCENES[task](40, seed):
        slopes = derivatives(scored)
        found = scored.evaluator().influences()
        assert len(found) >= 4
        for name, influence in found.items():
            assert influence.rows == pytest.approx(slopes[name], abs=1e-4, rel=1e-4), name


def test_each_is_the_derivative_with_ties_too() -> None:
    (scored, _) = scenes.binary(60, 3, ties=True)
    assert len(np.unique(scored.scores)) < 12
    slopes = derivatives(scored)
    for name, influence in scored.evaluator().influences().items():
        assert influence.rows == pytest.approx(slopes[name], abs=1e-4, rel=1e-4), name


@pytest.mark.parametrize("task", scenes.SCENES)
def test_they_cancel_out(task) -> None:
    for scored in scenes.SCENES[task](500, 7):
        for name, influence in scored.evaluator().influences().items():
            assert influence.rows.mean() == pytest.approx(0, abs=1e-9), name


def test_the_difference_of_means_is_the_paired_t() -> None:
    random = np.random.default_rng(2)
    old, new = random.exponential(size=(2, 300))
    gap = new - old
    less = Influence(new - new.mean()).subtract(Influence(old - old.mean()))
    found = sampling_variation(less, SamplingUnits.rows(300))
    assert found.standard_error == pytest.approx(gap.std(ddof=1) / np.sqrt(300))
    assert found.design_effect == pytest.approx(1)
    part = (gap - gap.mean()) / np.sqrt(300 * gap.var(ddof=1)) * np.sqrt(300 / 299)
    third = (part**3).sum()
    assert found.skew == pytest.approx(third)
    assert found.doubtful_skew == pytest.approx(third * third**2 / (third**2 + (part**6).sum()))


def test_of_units_of_one_size_it_is_the_t_of_their_means() -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(40, 5)) + random.normal(size=(40, 1))
    codes = np.repeat(np.arange(40), 5).astype(np.intp)
    found = sampling_variation(
        Influence((rows - rows.mean()).ravel()), SamplingUnits("store", 40, codes)
    )
    means = rows.mean(axis=1)
    assert found.standard_error == pytest.approx(means.std(ddof=1) / np.sqrt(40))
    independent = rows.std(ddof=1) / np.sqrt(200)
    assert found.design_effect == pytest.approx((found.standard_error / independent) ** 2)
    assert found.design_effect == pytest.approx(1 + 4 * 0.5, rel=0.4)  # of an ICC of one half


def test_a_variance_of_units_of_all_sizes_is_without_bias() -> None:
    """One unit has a third of all rows: without its being raised, a quarter would be missing."""
    random = np.random.default_rng(4)
    sizes = np.array([60, *[5] * 12, *[10] * 6])
    units = SamplingUnits(
        "store", len(sizes), np.repeat(np.arange(len(sizes)), sizes).astype(np.intp)
    )
    variances = []
    for _ in range(2000):
        rows = random.normal(size=sizes.sum())
        variances.append(
            sampling_variation(Influence(rows - rows.mean()), units).standard_error ** 2
        )
    assert np.mean(variances) == pytest.approx(1 / sizes.sum(), rel=0.04)


def lone(rows: int, seen: int) -> float:
    """Degrees where only ``seen`` rows are moved, half of them either way."""
    moved = np.zeros(rows)
    moved[:seen] = np.resize([1.0, -1.0], seen)
    return by_row(moved).degrees


def test_a_variance_is_known_as_well_as_the_rows_that_make_it_are_many() -> None:
    # A share of n rows that are moved has the excess kurtosis n / seen - 3.
    for seen in (6, 100):
        assert lone(1000, seen) == pytest.approx(2 / (2 / 999 + (1000 / seen - 3) / 1000), rel=0.01)
    assert lone(1000, 1000) == 999


def test_degrees_are_those_of_a_variance_of_such_rows() -> None:
    """Of 2 in 3: the variance of s^2 over its square, which is what degrees say, by drawing."""
    random = np.random.default_rng(6)
    rows = random.exponential(size=(4000, 200)) * random.choice([-1, 1], size=(4000, 200))
    degrees = [by_row(one - one.mean()).degrees for one in rows[:500]]
    variances = rows.var(axis=1, ddof=1)
    assert np.median(degrees) == pytest.approx(
        2 * np.mean(variances) ** 2 / np.var(variances), rel=0.35
    )
    assert np.median(degrees) < 150


def test_a_skewness_that_may_be_noise_is_drawn_to_0() -> None:
    random = np.random.default_rng(4)

    def kept(rows) -> float:
        found = by_row(rows - rows.mean())
        return found.doubtful_skew / found.skew

    assert kept(random.exponential(size=5000)) > 0.9
    assert np.mean([kept(random.standard_t(3, size=500)) for _ in range(100)]) < 0.6


def test_answers_that_never_part_still_leave_doubt_that_goes_with_the_rows() -> None:
    def doubt(rows: int) -> float:
        return by_row(np.zeros(rows), np.ones(1)).standard_error

    assert doubt(20) == pytest.approx(1 / 20)
    assert doubt(2000) == pytest.approx(1 / 2000)


def test_where_nothing_varies_there_is_no_design_effect() -> None:
    found = by_row(np.zeros(30))
    assert (found.standard_error, found.design_effect) == (0, None)


def following(random: np.random.Generator, nights: int, step: float) -> np.ndarray:
    """An autoregression of order 1 with a variance of 1, of shape (nights,)."""
    drawn = random.normal(size=nights + 50)
    for night in range(1, len(drawn)):
        drawn[night] = step * drawn[night - 1] + (1 - step**2) ** 0.5 * drawn[night]
    return drawn[50:]


@pytest.mark.parametrize(
    ("step", "noise", "least", "unordered"),
    [(0.0, 0.0, 0.94, 1.0), (0.5, 0.0, 0.93, 0.82), (0.8, 0.0, 0.93, 0.60), (0.8, 1.0, 0.93, 0.72)],
)
def test_nights_that_follow_each_other_are_covered(
    step: float, noise: float, least: float, unordered: float
) -> None:
    """The mean of thirty nights of four rows, whose truth is 0; a store has no order."""
    random, codes = np.random.default_rng(3), np.repeat(np.arange(30), 4).astype(np.intp)
    held = {"night": 0, "store": 0}
    for _ in range(600):
        losses = following(random, 30, step)[codes]
        values = losses + noise * random.normal(size=30)[codes]
        for name in held:
            units = SamplingUnits(name, 30, codes).followed(losses, losses)
            varies = sampling_variation(Influence(values - values.mean()), units)
            low, high = varies.distribution(float(values.mean())).interval(0.95)
            held[name] += low <= 0 <= high
            assert (varies.worth is None) == (name == "store")
    assert held["night"] / 600 >= least, held["night"] / 600
    assert held["store"] / 600 <= unordered


def test_nights_are_worth_no_more_than_they_are_and_less_if_they_follow_each_other() -> None:
    random, codes = np.random.default_rng(5), np.arange(200, dtype=np.intp)
    worth = []
    for step in (0.0, 0.5, 0.8):
        values = following(random, 200, step)
        units = SamplingUnits("night", 200, codes)
        worth.append(sampling_variation(Influence(values - values.mean()), units).worth)
    assert 120 < worth[0] <= 200
    assert 40 < worth[1] < 110  # 67 in theory
    assert 10 < worth[2] < 40  # 22


def test_a_share_varies_as_its_rows_say_also_where_only_counts_are_known() -> None:
    random, sizes = np.random.default_rng(7), np.random.default_rng(8).integers(5, 30, 60)
    codes = np.repeat(np.arange(60), sizes).astype(np.intp)
    chosen = (random.random(len(codes)) < 0.2 + 0.02 * np.arange(60)[codes] / 2).astype(np.float64)
    units = SamplingUnits("night", 60, codes)
    counted = SamplingUnits.of_counts("night", sizes.astype(np.float64))
    by_row = sampling_variation(Influence(chosen - chosen.mean()), units)
    by_count = share_variation(units.sums(chosen), counted)
    assert by_count.standard_error == pytest.approx(by_row.standard_error, rel=1e-9)
    assert by_count.worth == pytest.approx(by_row.worth, rel=1e-9)
