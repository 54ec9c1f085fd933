from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from assay.metrics.influence import SamplingDistribution

NUMBERS = st.floats(-100, 100)
ERRORS = st.floats(0.01, 50)
SKEWS = st.floats(-1, 1)
DEGREES = st.none() | st.floats(1, 1e6)
CONFIDENCE = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])


@st.composite
def bounds(draw: st.DrawFn) -> SamplingDistribution:
    return SamplingDistribution(draw(NUMBERS), draw(ERRORS), draw(DEGREES), draw(SKEWS))


@given(bounds(), CONFIDENCE, st.floats(-3, 3))
def test_an_interval_leaves_a_limit_out_just_where_the_test_rejects_it(found, confidence, off):
    low, high = found.interval(confidence)
    worst = found.value + off * found.standard_error
    # At an end itself both are as sure as rounding lets them be.
    assume(min(abs(worst - low), abs(worst - high)) > 1e-6 * found.standard_error)
    alpha = (1 - confidence) / 2
    assert (high < worst) == (found.p_below(worst) < alpha)
    assert (low > worst) == (found.p_above(worst) < alpha)


@given(bounds(), st.floats(-3, 3))
def test_the_two_p_values_are_one_together(found, off) -> None:
    worst = found.value + off * found.standard_error
    assert found.p_below(worst) + found.p_above(worst) == pytest.approx(1)


@given(bounds(), CONFIDENCE)
def test_negating_mirrors_the_interval(found, confidence) -> None:
    low, high = found.interval(confidence)
    assert found.negated().interval(confidence) == pytest.approx((-high, -low))


@given(bounds())
def test_more_confidence_is_wider(found) -> None:
    ends = [found.interval(confidence) for confidence in (0.5, 0.9, 0.99)]
    lows, highs = zip(*ends, strict=True)
    assert list(lows) == sorted(lows, reverse=True)
    assert list(highs) == sorted(highs)


@given(NUMBERS, ERRORS, st.floats(2, 1e4), CONFIDENCE)
def test_without_skew_it_is_student_s_t(value, error, degrees, confidence) -> None:
    expected = stats.t.interval(confidence, degrees, value, error)
    assert SamplingDistribution(value, error, degrees).interval(confidence) == pytest.approx(
        expected, abs=1e-9
    )


@pytest.mark.parametrize("skew", [1e-12, 1e-7, -1e-4])
def test_a_little_skew_changes_little(skew) -> None:
    straight = SamplingDistribution(1.0, 2.0, 20.0).interval(0.95)
    assert SamplingDistribution(1.0, 2.0, 20.0, skew).interval(0.95) == pytest.approx(
        straight, abs=10 * abs(skew)
    )


def test_skewed_rows_move_both_ends_to_where_the_long_tail_is() -> None:
    straight, bent = (
        SamplingDistribution(0, 1).interval(0.95),
        SamplingDistribution(0, 1, None, 0.3).interval(0.95),
    )
    assert bent[0] > straight[0] and bent[1] > straight[1]


def test_it_holds_the_mean_of_skewed_rows_better_than_the_t() -> None:
    rows = np.random.default_rng(3).lognormal(0, 1, size=(4000, 60))
    truth = math.exp(0.5)
    error = rows.std(axis=1, ddof=1) / math.sqrt(60)
    centred = rows - rows.mean(axis=1, keepdims=True)
    skew = (centred**3).sum(axis=1) / (centred**2).sum(axis=1) ** 1.5

    def held(skews) -> float:
        each = zip(rows.mean(axis=1), error, skews, strict=True)
        ends = [SamplingDistribution(m, e, 59, s).interval(0.9) for m, e, s in each]
        return float(np.mean([low <= truth <= high for low, high in ends]))

    plain, corrected = held(np.zeros(4000)), held(skew)
    assert plain < 0.87
    assert plain + 0.015 < corrected <= 0.91


def test_where_nothing_varies_the_number_decides() -> None:
    found = SamplingDistribution(0.5, 0.0)
    assert found.interval(0.95) == (0.5, 0.5)
    assert (found.p_below(0.5), found.p_below(0.6)) == (1.0, 0.0)
    assert (found.p_above(0.5), found.p_above(0.4)) == (1.0, 0.0)


@pytest.mark.parametrize(
    "numbers",
    [
        (math.nan, 1.0),
        (math.inf, 1.0),
        (0.0, math.nan),
        (0.0, math.inf),
        (0.0, -1.0),
        (0.0, 1.0, 0.0),
        (0.0, 1.0, math.nan),
        (0.0, 1.0, None, math.nan),
    ],
)
def test_what_is_no_number_is_refused(numbers) -> None:
    with pytest.raises(ValueError):
        SamplingDistribution(*numbers)
