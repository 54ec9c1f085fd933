"""How much nights follow each other is read from what they differ in, whatever dilutes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.columns import autocorrelation
from assay.columns.autocorrelation import night_level, own_share, upper_coefficients

CELLS = 10
RAMP = np.linspace(-2.5, 2.5, CELLS)


def following(random: np.random.Generator, nights: int, columns: int, step: float) -> np.ndarray:
    """Autoregressions of order 1, of shape (nights, columns)."""
    odd = random.normal(size=(nights, columns))
    for night in range(1, nights):
        odd[night] = step * odd[night - 1] + (1 - step**2) ** 0.5 * odd[night]
    return odd


def estimates(
    random: np.random.Generator, levels: np.ndarray, rows: int = 250, size: float = 0.15
) -> list[float]:
    """From counts of nights whose columns have these levels, of shape (nights, columns)."""
    shares = np.exp(size * levels[..., None] * RAMP)
    counts = random.multinomial(rows, shares / shares.sum(axis=-1, keepdims=True))
    found = upper_coefficients(
        {str(place): night_level(counts[:, place]) for place in range(levels.shape[1])}
    )
    return list(found.values())


@pytest.mark.parametrize("nights", [10, 30, 60])
def test_nights_that_follow_each_other_are_told_from_ten_of_them(nights: int) -> None:
    def told(step: float) -> float:
        random = np.random.default_rng([13, nights])
        found = [estimates(random, following(random, nights, 15, step)) for _ in range(12)]
        return float(np.mean(found))

    assert told(0.0) < 0.13 < told(0.5) < 0.64 < told(0.8) < 0.92


def test_sampling_does_not_dilute_it() -> None:
    random = np.random.default_rng(1)
    levels = following(random, 60, 15, 0.8)
    few, many = (np.mean(estimates(random, levels, rows)) for rows in (250, 25_000))
    assert 0.72 < few <= many + 0.02 < 0.88


def test_columns_of_one_weather_are_worth_one() -> None:
    random = np.random.default_rng(2)
    levels = following(random, 60, 1, 0.5)
    one = estimates(random, levels, rows=25_000)[0]
    copies = estimates(random, np.repeat(levels, 15, axis=1), rows=25_000)
    assert copies == pytest.approx([one] * 15, abs=0.03)
    level = night_level(np.round(1e6 * (0.1 + 0.01 * levels * RAMP)).astype(int))
    alone = autocorrelation._independent(np.array([level] * 15))
    assert 1 <= alone < 1.1
    other = following(random, 60, 15, 0.0)
    for nights in (10, 60):
        series = ((other - other[:nights].mean(axis=0)) / other[:nights].std(axis=0))[:nights].T
        assert 0.7 * 15 < autocorrelation._independent(series) <= 15


def test_the_estimate_is_an_upper_one() -> None:
    random, below = np.random.default_rng(3), []
    for _ in range(200):
        levels = following(random, 40, 1, 0.6)
        below.append(upper_coefficients({"x": levels[:, 0] / levels[:, 0].std()})["x"] < 0.6)
    assert np.mean(below) < 0.1


def test_columns_that_differ_keep_their_own() -> None:
    random = np.random.default_rng(4)
    levels = np.hstack([following(random, 60, 5, 0.8), following(random, 60, 10, 0.0)])
    found = estimates(random, levels)
    assert np.mean(found[:5]) > 0.72
    assert np.mean(found[5:]) < 0.35
    assert max(found[5:]) < min(found[:5])
    alike = estimates(random, following(random, 60, 15, 0.0))
    assert len(set(alike)) == 1


def test_own_share_is_james_and_stein_s() -> None:
    assert own_share(np.array([0.1, 0.9]), 0.1) == 1.0
    assert own_share(np.array([0.1, 0.2, 0.1, 0.2]), 0.1) == 0.0
    assert own_share(np.array([-2.0, 2.0, -2.0, 2.0]), 1.0) == pytest.approx(1 - 1 / 16)


def test_equal_nights_have_the_coefficient_of_the_others_and_alone_none() -> None:
    equal = np.tile([3, 4, 5], (20, 1))
    assert len(night_level(equal)) == 0
    assert len(night_level(np.array([[3, 4, 5], [5, 4, 3]]))) == 0
    assert len(night_level(np.vstack([equal, [0, 0, 0]]))) == 0
    assert upper_coefficients({"x": night_level(equal)}) == {}
    random = np.random.default_rng(5)
    level = following(random, 20, 1, 0.5)[:, 0]
    found = upper_coefficients({"a": np.zeros(0), "b": level / level.std()})
    assert list(found) == ["a", "b"]
    assert found["a"] == found["b"]


def test_a_level_is_what_nights_differ_in_most() -> None:
    random = np.random.default_rng(6)
    odd = following(random, 30, 1, 0.0)[:, 0]
    shares = np.exp(0.3 * odd[:, None] * RAMP)
    level = night_level(np.round(1e6 * shares / shares.sum(axis=1, keepdims=True)).astype(int))
    assert np.square(level).mean() == pytest.approx(1)
    assert level.mean() == pytest.approx(0, abs=1e-9)
    assert abs(np.corrcoef(level, odd)[0, 1]) > 0.97


def test_a_level_is_in_units_of_what_sampling_adds() -> None:
    """Large cells vary more by chance; a small one that follows the night is the level."""
    random, odd = np.random.default_rng(9), np.random.default_rng(9).normal(size=60)
    small = 0.01 * np.exp(0.8 * odd)
    shares = np.stack([small, (1 - small) / 2, (1 - small) / 2], axis=1)
    level = night_level(random.multinomial(1000, shares))
    assert abs(np.corrcoef(level, small)[0, 1]) > 0.85


@pytest.mark.parametrize("nights", [3, 4, 5, 1000])
def test_few_and_many_nights_have_a_coefficient(nights: int) -> None:
    random = np.random.default_rng(7)
    found = estimates(random, following(random, nights, 4, 0.7), rows=25_000)
    assert all(0 <= each <= 0.95 for each in found)
    assert nights < 1000 or found == pytest.approx([0.7] * 4, abs=0.05)


def test_where_nights_look_independent_nothing_is_added() -> None:
    turns = np.resize([1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0], 40)
    assert upper_coefficients({"x": turns})["x"] == 0.0


def test_bartlett_s_deviation_is_that_of_drawn_correlations() -> None:
    random = np.random.default_rng(8)
    weights: Callable[[int], np.ndarray] = autocorrelation._weights
    for step in (0.0, 0.6):
        drawn = following(random, 400, 2000, step)
        found = sum(
            weight * (drawn[lag:] * drawn[:-lag]).sum(axis=0) / (drawn**2).sum(axis=0)
            for lag, weight in enumerate(weights(2), start=1)
        )
        expected = autocorrelation._deviation(2)[int(step * 100)] / 20
        assert np.std(found) == pytest.approx(expected, rel=0.06)
