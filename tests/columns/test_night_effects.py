"""The effects of nights are those that the nights were drawn with."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.columns.night_effects import (
    NightEffects,
    learn_error,
    learn_loss,
    learn_probability,
    log_odds,
)


def drawn(
    seed: int, nights: int, rows: int, level: float, slope: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, labels that nights move around them, and the nights."""
    random = np.random.default_rng(seed)
    night = np.repeat(np.arange(nights), rows)
    odds = random.normal(-1, 1.3, nights * rows)
    u, v = level * random.normal(size=nights)[night], slope * random.normal(size=nights)[night]
    happened = random.random(len(odds)) < 1 / (1 + np.exp(-(odds + u + v * (odds + 1))))
    return 1 / (1 + np.exp(-odds)), happened.astype(float), night


def learnt(*drawing: float) -> NightEffects:
    found = learn_probability(*drawn(1, *drawing))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_nights_that_differ_are_measured() -> None:
    found = learnt(200, 400, 0.5, 0.2)
    assert found.nights == 200
    assert found.level**0.5 == pytest.approx(0.5, rel=0.15)
    # A large level bends the log odds, which the approximation at no effect takes for slope.
    assert 0.18 < found.slope**0.5 < 0.3
    # Where a row's outcome varies most, which is above the mean score.
    assert -1 < found.centre < 0.5


def test_nights_that_do_not_differ_leave_only_the_error_of_the_mean() -> None:
    found = learnt(60, 400, 0.0, 0.0)
    assert found.level < 0.005 and found.slope < 0.005


def test_nights_of_other_scores_do_not_look_like_slopes() -> None:
    random = np.random.default_rng(3)
    night = np.repeat(np.arange(150), 300)
    odds = random.normal(-1, 0.5, len(night)) + random.normal(0, 1, 150)[night]
    happened = random.random(len(odds)) < 1 / (
        1 + np.exp(-odds - random.normal(0, 0.5, 150)[night])
    )
    found = learn_probability(1 / (1 + np.exp(-odds)), happened, night)
    assert found is not None
    assert found.level**0.5 == pytest.approx(0.5, rel=0.2) and found.slope < 0.03


def test_losses_move_by_factors() -> None:
    random = np.random.default_rng(4)
    night = np.repeat(np.arange(150), 300)
    expected = np.exp(random.normal(5, 0.7, len(night)))
    factor = np.exp(random.normal(0, 0.2, 150))[night]
    loss = expected * random.exponential(size=len(night)) * factor / np.exp(0.02)
    for scale in (1, 1000):
        found = learn_loss(scale * expected, scale * loss, night)
        assert found is not None
        assert found.level**0.5 == pytest.approx(0.2, rel=0.2)


def test_errors_move_by_their_mean() -> None:
    random = np.random.default_rng(5)
    night = np.repeat(np.arange(100), 50)
    found = learn_error(random.normal(0, 3, 5000) + random.normal(0, 2, 100)[night], night)
    assert found is not None
    reach = found.reach(np.zeros(1), np.ones(1), 0.95)
    assert reach == pytest.approx(1.984 * 2, rel=0.2)


def test_few_nights_reach_further() -> None:
    one = NightEffects(0.0, 0.09, 0.0, 0.0, 1000)
    cells = (np.array([0.5]), np.array([0.1]))
    assert one.reach(*cells, 0.95) == pytest.approx(1.96 * 0.3 * 0.1, rel=0.01)
    assert replace(one, nights=5).reach(*cells, 0.95) == pytest.approx(2.776 * 0.03, rel=0.01)
    tilted = NightEffects(0.5, 0.0, 0.0, 0.04, 1000)
    assert tilted.reach(*cells, 0.95) == 0
    assert tilted.reach(np.array([1.5, -0.5]), np.array([0.1, -0.1]), 0.95) == pytest.approx(
        1.96 * 0.2 * 0.2, rel=0.01
    )
    # Both moments and what they share: the variance of u + 2 v.
    shared = NightEffects(0.0, 0.25, 0.1, 0.09, 1000)
    assert shared.reach(np.array([2.0]), np.array([1.0]), 0.95) == pytest.approx(
        1.9623 * (0.25 + 0.4 + 0.36) ** 0.5, rel=1e-3
    )


def test_two_nights_show_nothing() -> None:
    assert learn_probability(*drawn(1, 2, 100, 0.5, 0.2)) is None
    assert learn_probability(np.zeros(30), np.zeros(30), np.arange(30)) is None


@given(st.integers(0, 1000), st.integers(3, 8), st.integers(1, 4))
def test_any_nights_have_effects_that_can_be_stored(seed: int, nights: int, rows: int) -> None:
    expected, happened, night = drawn(seed, nights, rows, 1.0, 1.0)
    found = learn_probability(np.round(expected, 1), happened, night)
    if found is not None:
        assert NightEffects.from_dict(asdict(found)) == found
        assert found.level >= 0 and found.slope >= 0


@pytest.mark.parametrize("wrong", [{"level": -1.0}, {"centre": float("nan")}, {"nights": 2}])
def test_what_is_no_effect_is_refused(wrong: dict[str, float]) -> None:
    tree = {**asdict(NightEffects(0.0, 0.1, 0.0, 0.1, 9)), **wrong}
    with pytest.raises(ValueError, match="effects of nights"):
        NightEffects.from_dict(tree)


def test_log_odds_stay_finite() -> None:
    assert np.isfinite(log_odds(np.array([0.0, 0.5, 1.0]))).all()
    assert log_odds(np.array([0.5]))[0] == 0
