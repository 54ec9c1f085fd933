"""The law of exceedances, for nights that are independent and for nights that hang together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from assay.monitor.drift.exceedance import clustered_probability, exceedance


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
