"""Measures from counts are those of the raw values: exact for categories, near for numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.columns.distance import (
    MEASURES,
    measure_nights,
    new_category_share,
    scaled_wasserstein,
    total_variation,
)
from assay.columns.features import FrameFeatures
from assay.columns.grid import NumberGrid
from assay.columns.grid_builder import build_grid
from assay.columns.profile_counter import compute_profile
from assay.monitor.drift.drift import effect

COUNTS = st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any).map(tuple)


def profiles(before: np.ndarray, night: np.ndarray, bins: int):
    frame = pd.DataFrame({"x": before})
    grid = build_grid(frame, ["x"], [], bins)
    both = (
        compute_profile(FrameFeatures(pd.DataFrame({"x": v})), grid)["x"] for v in (before, night)
    )
    return grid["x"], *both


def raw(before: np.ndarray, night: np.ndarray) -> float:
    return float(stats.wasserstein_distance(before, night) / before.std())


DRAWS = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "gamma": lambda rng, rows: rng.gamma(2, 1, rows),
    "zeros": lambda rng, rows: np.where(rng.random(rows) < 0.5, 0, rng.gamma(2, 1, rows)),
    "heavy tails": lambda rng, rows: rng.standard_t(3, rows),
    "no mean": lambda rng, rows: 1 + rng.pareto(0.8, rows),
    "heavier": lambda rng, rows: rng.lognormal(sigma=2, size=rows),
}


@pytest.mark.parametrize("shift", [0.05, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("of", DRAWS)
def test_moved_is_within_a_hundredth_of_the_raw_values(of: str, shift: float) -> None:
    rng = np.random.default_rng(3)
    before, night = DRAWS[of](rng, 40_000), DRAWS[of](rng, 9_000) * (1 + shift / 5) + shift
    assert scaled_wasserstein(*profiles(before, night, bins=10)) == pytest.approx(
        raw(before, night), rel=0.01
    )


def test_moved_of_few_distinct_values_is_exact() -> None:
    rng = np.random.default_rng(4)
    values = [0.0, 1.0, 2.0, 10.0]
    before = rng.choice(values, 5000, p=[0.5, 0.2, 0.2, 0.1])
    night = rng.choice(values, 900, p=[0.3, 0.2, 0.2, 0.3])
    assert scaled_wasserstein(*profiles(before, night, bins=10)) == pytest.approx(
        raw(before, night), rel=1e-9
    )


def test_a_night_beyond_the_reference_is_as_far_as_its_values_say() -> None:
    before, night = np.linspace(0, 1, 1000), np.linspace(7, 8, 1000)
    assert scaled_wasserstein(*profiles(before, night, bins=50)) == pytest.approx(
        raw(before, night), rel=0.01
    )


@pytest.mark.parametrize("far", [1e300, -1e300])
def test_one_huge_value_moves_a_night_as_far_as_it_is(far: float) -> None:
    before = np.random.default_rng(5).normal(size=1000)
    night = np.append(before, far)
    assert scaled_wasserstein(*profiles(before, night, bins=10)) == pytest.approx(
        raw(before, night), rel=0.01
    )


@pytest.mark.parametrize(
    ("before", "night"),
    [
        (np.full(50, 0.1), np.full(9, 0.3)),
        (np.full(50, 0.1), np.full(9, 0.1)),
        (np.full(9, np.nan), np.arange(9.0)),
        (np.arange(9.0), np.full(9, np.nan)),
        (np.array([-1e300, 1e300, 0.0]), np.arange(9.0)),
        (np.arange(9.0), np.full(9, 1.7e308)),
    ],
)
def test_what_does_not_vary_or_cannot_be_added_up_has_no_such_measure(before, night) -> None:
    assert scaled_wasserstein(*profiles(before, night, bins=10)) is None


@given(COUNTS, COUNTS, COUNTS)
def test_total_variation_is_a_metric_and_exact_for_categories(p, q, r) -> None:
    assert total_variation(p, p) == 0
    assert total_variation(p, q) == total_variation(q, p) <= 1
    assert total_variation(p, r) <= total_variation(p, q) + total_variation(q, r) + 1e-12
    a, b = np.array(p) / sum(p), np.array(q) / sum(q)
    assert total_variation(p, q) == pytest.approx(np.maximum(a - b, 0).sum())
    assert math.isnan(total_variation(p, (0, 0, 0, 0)))


@settings(max_examples=60)
@given(COUNTS, COUNTS)
def test_moved_is_zero_for_equal_shares_and_positive_otherwise(p, q) -> None:
    grid = NumberGrid((0.0, 1.0, 3.0))

    def column(counts):
        values = pd.DataFrame({"x": np.repeat([-0.5, 0.5, 2.0, 4.0], counts)})
        return compute_profile(FrameFeatures(values), {"x": grid})["x"]

    found = scaled_wasserstein(grid, column(p), column(q))
    if found is not None:
        shares = [np.array(each) / sum(each) for each in (p, q)]
        assert found >= 0
        assert (found < 1e-9) == np.allclose(*shares, atol=1e-12)


def test_all_measures_of_a_category() -> None:
    grid = build_grid(pd.DataFrame({"c": ["a", "a", "b", "c"]}), [], ["c"])
    before, night = (
        compute_profile(FrameFeatures(pd.DataFrame({"c": values})), grid)["c"]
        for values in (["a", "a", "b", "c"], ["a", "new", None, "c"])
    )
    known = {name: value(grid["c"], before, night) for name, value in MEASURES.items()}
    assert known["total_variation"] == pytest.approx(
        (0.5 - 1 / 3 + 0.25 + 1 / 3 - 0.25 + 1 / 3) / 2
    )
    assert new_category_share(before, night) == pytest.approx(1 / 3)
    assert known["wasserstein"] is known["ks"] is None
    assert known["psi"] > 0 and 0 < known["distance"] < 1


def test_effect_grows_with_importance_and_shift_and_not_with_ordinary_distance() -> None:
    usual = (0.1, 0.2, 0.3)
    assert effect(0.5, 0.4, 0.2, usual) == 0 == effect(0.5, 0.4, 0.1, usual)
    assert effect(0.5, 0.4, 0.4, usual) == pytest.approx(0.5 * 0.4 * 0.5)
    assert effect(1.0, 0.4, 0.4, usual) > effect(0.5, 0.4, 0.4, usual)
    assert effect(1.0, 0.4, 0.4, ()) == pytest.approx(0.4)
    assert effect(1.0, 0.0, 0.0, ()) == 0


@pytest.mark.parametrize("of", DRAWS)
def test_nights_measured_together_are_as_each_alone(of: str) -> None:
    rng = np.random.default_rng(3)
    grid = build_grid(pd.DataFrame({"x": DRAWS[of](rng, 900)}), ["x"], [], 20)
    empty = np.full(5, np.inf)  # counted, and without a least or greatest value
    values = [*(DRAWS[of](rng, rows) * rows / 50 for rows in (900, 50, 3, 1)), empty]
    before, *nights = (
        compute_profile(FrameFeatures(pd.DataFrame({"x": each})), grid)["x"] for each in values
    )
    alone = [
        {name: value(grid["x"], before, night) for name, value in MEASURES.items()}
        for night in nights
    ]
    assert measure_nights(grid["x"], before, nights) == alone
    assert alone[-1]["wasserstein"] is None and alone[-1]["ks"] > 0
