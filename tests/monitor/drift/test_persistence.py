"""How much nights hang together, from a few of them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.monitor.drift.persistence import persistence
from tests.monitor.drift.test_exceedance import together


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
