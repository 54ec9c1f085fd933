"""The law of exceedances, for nights that are independent and for nights that hang together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from assay.monitor.drift.exceedance import clustered_probability, exceedance, persistence


@given(st.integers(1, 8), st.integers(1, 200), st.data())
def test_exceedances_of_independent_nights_are_beta_binomial(
    n: int, reference: int, data: st.DataObject
) -> None:
    k, j = data.draw(st.integers(1, n)), data.draw(st.integers(1, reference))
    expected = stats.betabinom.sf(k - 1, n, j, reference + 1 - j)
    assert exceedance(n, k, j, reference) == pytest.approx(expected, rel=1e-6)
    assert exceedance(n, k, reference + 1, reference) == 1.0


@pytest.mark.parametrize(("j", "reference"), [(1, 5), (1, 60), (3, 365), (2, 5000)])
def test_hardly_any_persistence_changes_hardly_anything(j: int, reference: int) -> None:
    alone = exceedance(5, 3, j, reference)
    assert exceedance(5, 3, j, reference, 1e-6) == pytest.approx(alone, rel=0.01)


@given(st.integers(1, 4), st.integers(1, 300), st.floats(0.01, 0.9))
def test_more_persistence_never_makes_a_p_value_smaller(
    j: int, reference: int, persistence: float
) -> None:
    more = exceedance(5, 3, j, reference, round(persistence, 2))
    assert exceedance(5, 3, j, reference) <= more <= 1


@pytest.mark.parametrize("persistence", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("share", [0.3, 0.03])
def test_the_chance_of_a_cluster_is_what_drawing_finds(persistence: float, share: float) -> None:
    rng = np.random.default_rng(1)
    nights = rng.normal(size=(5, 400_000))
    for night in range(1, 5):
        nights[night] *= math.sqrt(1 - persistence)
        nights[night] += math.sqrt(persistence) * nights[night - 1]
    beyond = np.abs(nights) > -special.ndtri(share / 2)
    drawn = float((beyond.sum(axis=0) >= 3).mean())
    error = math.sqrt(drawn / nights.shape[1])
    assert clustered_probability(5, 3, share, persistence) == pytest.approx(
        drawn, abs=4 * error, rel=0.01
    )


def together(rng: np.random.Generator, shape: tuple[int, ...], persistence: float) -> np.ndarray:
    """Distances of nights, along the last axis, that hang together."""
    found = rng.normal(size=shape)
    for night in range(1, shape[-1]):
        found[..., night] *= math.sqrt(1 - persistence)
        found[..., night] += math.sqrt(persistence) * found[..., night - 1]
    return np.abs(found)


@pytest.mark.parametrize("persistence", [0.0, 0.1, 0.4])
def test_p_values_of_nights_that_hang_together_are_as_often_small_as_they_say(
    persistence: float,
) -> None:
    nights = together(np.random.default_rng(2), (20_000, 105), persistence)
    reference, new = nights[:, :60], nights[:, 100:]
    third = np.sort(new, axis=1)[:, -3]
    as_far = (reference >= third[:, None]).sum(axis=1)
    p = np.array([exceedance(5, 3, int(far) + 1, 60, persistence) for far in as_far])
    for limit in (0.01, 0.1):
        assert (p <= limit).mean() <= 1.1 * limit + 3 * math.sqrt(limit / len(p))
    if persistence > 0.2:
        blind = np.array([exceedance(5, 3, int(far) + 1, 60) for far in as_far])
        assert (blind <= 0.01).mean() > 1.5 * (p <= 0.01).mean()


def columns(count: int, nights: int, true: float, seed: int = 1) -> tuple[tuple[float, ...], ...]:
    drawn = together(np.random.default_rng(seed), (count, nights), true)
    return tuple(tuple(each) for each in drawn.tolist())


@pytest.mark.parametrize(
    ("true", "least", "most"), [(0.0, 0.0, 0.03), (0.2, 0.17, 0.21), (0.5, 0.43, 0.5)]
)
def test_it_is_found_and_a_strong_one_a_little_too_low(
    true: float, least: float, most: float
) -> None:
    found = [np.mean(persistence(columns(20, 150, true, seed), 5)) for seed in range(20)]
    assert least <= np.mean(found) <= most


def test_only_the_order_of_distances_matters() -> None:
    given = columns(5, 90, 0.5)
    other = tuple(tuple(np.exp(each) - 1) for each in given)
    assert persistence(given, 5) == persistence(other, 5)
    rng = np.random.default_rng(3)
    mixed = tuple(tuple(rng.permutation(each)) for each in given)
    assert np.mean(persistence(mixed, 5)) < 0.2 < np.mean(persistence(given, 5))


def test_slow_changes_under_noise_are_seen_at_all_lags() -> None:
    rng = np.random.default_rng(4)
    slow = together(rng, (20, 400), 0.0)
    season = 1 + 0.8 * np.sin(np.arange(400) / 25)
    found = persistence(tuple(tuple(each) for each in (slow * season).tolist()), 5)
    first = persistence(tuple(tuple(each) for each in (slow * season).tolist()), 2)
    assert np.mean(found) > 1.5 * np.mean(first) > 0


def test_columns_that_are_alike_are_drawn_together_and_one_that_is_not_stays_apart() -> None:
    alike = columns(20, 60, 0.1)
    alone = [persistence((each,), 5)[0] for each in alike]
    assert np.std(persistence(alike, 5)) < 0.6 * np.std(alone)
    odd = (*columns(20, 150, 0.0), *columns(1, 150, 0.8, seed=7))
    found = persistence(odd, 5)
    assert found[-1] > 0.5 and np.mean(found[:-1]) < 0.1


def test_what_says_nothing_has_none_or_that_of_the_others() -> None:
    assert persistence((), 5) == ()
    assert persistence(columns(3, 9, 0.9), 5) == (0.0, 0.0, 0.0)
    assert persistence(((0.1,) * 60,), 5) == (0.0,)
    assert persistence(columns(3, 60, 0.9), 1) == (0.0, 0.0, 0.0)
    *others, constant = persistence((*columns(20, 150, 0.5), (0.0,) * 150), 5)
    assert constant == pytest.approx(np.mean(others), abs=0.02)
    rising = tuple(np.arange(60.0).tolist())
    assert persistence((rising,), 5)[0] > 0.9
