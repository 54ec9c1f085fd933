"""The p-value at a limit that an interval stands for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special, stats

from assay.metrics.influence import SamplingDistribution
from assay.metrics.intervals.chance import chance_at_limit
from assay.metrics.intervals.estimates import wilson_interval

DEGREES = st.none() | st.floats(2, 200)
Z = float(special.ndtri(0.975))


@given(st.floats(-3, 3), st.floats(0.01, 2), DEGREES, st.floats(-0.4, 0.4), st.floats(-4, 4))
def test_it_is_that_of_the_distribution_whose_interval_it_is(
    value: float, error: float, degrees: float | None, skew: float, far: float
) -> None:
    number = SamplingDistribution(value, error, degrees, skew)
    low, high = number.interval(0.95)
    assume(low < value < high)
    # With few degrees and much skewness both halves' ratio is that of two distributions.
    assume(abs(skew) * SamplingDistribution(0.0, 1.0, degrees).interval(0.95)[1] < 0.9)
    limit = value + far * error
    told = chance_at_limit(value, low, high, limit, confidence=0.95, degrees=degrees)
    exact = number.p_above(limit) if value >= limit else number.p_below(limit)
    assert told == pytest.approx(exact, rel=1e-4, abs=1e-12)


@given(st.integers(0, 60), st.floats(0.02, 0.98), DEGREES)
def test_it_agrees_with_the_interval_about_a_pass(
    hits: int, limit: float, degrees: float | None
) -> None:
    reach = float(special.ndtri(0.975) if degrees is None else special.stdtrit(degrees, 0.975))
    value = hits / 60
    low, high = wilson_interval(value, 60, reach)
    low, high = min(low, value), max(high, value)
    assume(min(abs(low - limit), abs(high - limit)) > 1e-6)
    told = chance_at_limit(value, low, high, limit, confidence=0.95, degrees=degrees, share=True)
    assert (told < 0.025) is (limit < low or limit > high)


@pytest.mark.parametrize(("hits", "limit"), [(95, 0.85), (99, 0.9), (100, 0.93), (70, 0.5)])
def test_of_a_share_it_is_no_smaller_than_the_exact_one(hits: int, limit: float) -> None:
    low, high = wilson_interval(hits / 100, 100, Z)
    told = chance_at_limit(hits / 100, low, high, limit, confidence=0.95, share=True)
    exact = float(stats.binom.sf(hits - 1, 100, limit))
    assert exact / 2 < told < 30 * exact
    mirrored = chance_at_limit(
        1 - hits / 100, 1 - high, 1 - low, 1 - limit, confidence=0.95, share=True
    )
    assert mirrored == pytest.approx(told)


def test_on_the_log_odds_it_is_exact() -> None:
    middle, half = special.logit(0.8), 0.3
    low, high = special.expit(middle - half), special.expit(middle + half)
    told = chance_at_limit(0.8, low, high, 0.7, confidence=0.95, share=True)
    assert told == pytest.approx(special.ndtr(-(middle - special.logit(0.7)) / (half / Z)))


def test_what_does_not_vary_did_not_pass_by_chance() -> None:
    assert chance_at_limit(0.5, 0.5, 0.5, 0.5, confidence=0.95) == 0.0


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.02), (-0.02, 0.0)])
def test_a_half_that_was_cut_off_leaves_the_other(low: float, high: float) -> None:
    told = chance_at_limit(0.0, low, high, 2 * (low + high), confidence=0.95)
    assert told == pytest.approx(special.ndtr(-2 * Z))
    assert math.isfinite(told)


def test_a_share_that_could_be_anything_passes_nothing() -> None:
    told = chance_at_limit(1.0, 0.0, 1.0, 0.5, confidence=0.95, share=True)
    assert told == 1.0
    assert isinstance(told, float) and not isinstance(told, np.ndarray)
