from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metrics.influence import SamplingDistribution
from assay.metrics.intervals.decisions import adjust_p_values, decide_all

P = st.lists(st.floats(0, 1), min_size=1, max_size=12)
NUMBERS = st.lists(
    st.builds(
        SamplingDistribution,
        st.floats(-1, 1),
        st.floats(0.001, 0.5),
        st.none(),
        st.floats(-0.3, 0.3),
    ),
    min_size=1,
    max_size=8,
)


def calls(numbers, worst=0.0, confidence=0.95, correction="holm") -> list[str]:
    return [
        decision.call
        for decision in decide_all(numbers, worst, confidence=confidence, correction=correction)
    ]


def test_holm_as_worked_by_hand() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert adjust_p_values(p, "holm") == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_as_worked_by_hand() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert adjust_p_values(p, "benjamini-hochberg") == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_without_a_correction_p_stays() -> None:
    assert adjust_p_values(np.array([0.2, 0.1]), "none").tolist() == [0.2, 0.1]


@given(P)
def test_corrections_keep_the_order_and_holm_is_the_stricter(p) -> None:
    p = np.array(p)
    holm, rate = adjust_p_values(p, "holm"), adjust_p_values(p, "benjamini-hochberg")
    for found in (holm, rate):
        assert (np.diff(found[np.argsort(p, kind="stable")]) >= 0).all()
        assert (found <= 1).all()
    tiny = 1e-12
    assert (p <= rate + tiny).all() and (rate <= holm + tiny).all()
    # Rejections by Holm's own words: go up from the smallest p until one is too large.
    for alpha in (0.025, 0.2):
        ranked = np.sort(p)
        stops = [k for k, one in enumerate(ranked) if one * (len(p) - k) > alpha]
        assert (holm <= alpha).sum() == (stops[0] if stops else len(p))


@given(NUMBERS, st.floats(-1, 1), st.sampled_from(["holm", "benjamini-hochberg", "none"]))
def test_a_call_follows_from_the_interval_and_p(numbers, worst, correction) -> None:
    for number, decision in zip(
        numbers,
        decide_all(numbers, worst, confidence=0.9, correction=correction),
        strict=True,
    ):
        assert (decision.low, decision.high) == number.interval(0.9)
        assert decision.p == number.p_below(worst) <= decision.p_adjusted + 1e-12
        assert (decision.call == "pass") == (decision.low >= worst)
        assert (decision.call == "fail") == (decision.p_adjusted < 0.05)
        if decision.call == "fail":
            assert decision.high < worst


@given(NUMBERS, st.floats(-1, 1), st.floats(0, 1))
def test_a_laxer_limit_never_turns_a_pass(numbers, worst, less) -> None:
    strict, lax = calls(numbers, worst), calls(numbers, worst - less)
    assert all(
        after == "pass" for before, after in zip(strict, lax, strict=True) if before == "pass"
    )


def test_three_answers() -> None:
    good, bad, dim = (
        SamplingDistribution(0.1, 0.01),
        SamplingDistribution(-0.1, 0.01),
        SamplingDistribution(0.0, 0.1),
    )
    assert calls([good, bad, dim], -0.02) == ["pass", "fail", "unsure"]


def test_one_slice_among_many_has_to_be_worse_to_fail() -> None:
    suspect, fine = SamplingDistribution(-2.2, 1.0), [SamplingDistribution(5.0, 1.0)] * 19
    assert calls([suspect])[0] == "fail"
    for correction in ("holm", "benjamini-hochberg"):
        assert calls([suspect, *fine], correction=correction)[0] == "unsure"
    assert calls([suspect, *fine], correction="none")[0] == "fail"
    assert calls([SamplingDistribution(-4.0, 1.0), *fine])[0] == "fail"


def test_passing_is_not_corrected() -> None:
    assert calls([SamplingDistribution(2.0, 1.0)] * 50) == ["pass"] * 50


def test_at_the_limit_exactly_and_with_nothing_varying_it_passes() -> None:
    assert calls([SamplingDistribution(-0.1, 0.0)], -0.1) == ["pass"]
    assert calls([SamplingDistribution(-0.1, 0.0)], -0.0999) == ["fail"]


def test_no_slices_give_no_decisions() -> None:
    assert decide_all([], 0.0, confidence=0.95, correction="holm") == []


@pytest.mark.parametrize("worst", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_is_refused(worst) -> None:
    with pytest.raises(ValueError, match="limit"):
        calls([SamplingDistribution(0.0, 1.0)], worst)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5, -0.5, math.nan])
def test_confidence_lies_between_0_and_1(confidence) -> None:
    with pytest.raises(ValueError, match="confidence"):
        calls([SamplingDistribution(0.0, 1.0)], confidence=confidence)


@pytest.mark.parametrize("number", [(math.nan, 1.0), (1.0, math.nan), (math.inf, 1.0)])
def test_nothing_is_decided_on_what_is_no_number(number) -> None:
    with pytest.raises(ValueError):
        calls([SamplingDistribution(*number)])
