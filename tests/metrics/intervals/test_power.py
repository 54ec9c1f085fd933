from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metrics.influence import SamplingDistribution
from assay.metrics.intervals.decisions import decide_all
from assay.metrics.intervals.power import (
    MOST,
    describe_power,
    format_number,
    minimum_detectable_effect,
    units_for_difference,
    units_needed,
)
from assay.metrics.sampling_units import SamplingUnits
from assay.project.tasks import describe_direction


@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_a_truth_that_far_from_the_limit_passes_so_often(power) -> None:
    worst, error = -0.02, 0.013
    truth = worst + minimum_detectable_effect(error, 0.95, power)
    drawn = np.random.default_rng(5).normal(truth, error, size=4000)
    numbers = [SamplingDistribution(value, error) for value in drawn]
    decisions = decide_all(numbers, worst, confidence=0.95, correction="none")
    passed = np.mean([decision.call == "pass" for decision in decisions])
    assert passed == pytest.approx(power, abs=0.025)


@given(
    st.integers(10, 10**5),
    st.floats(0.001, 1),
    st.floats(0.02, 1),
    st.sampled_from([0.8, 0.95]),
    st.sampled_from([0.5, 0.8, 0.9]),
)
def test_with_the_rows_it_asks_for_the_margin_is_just_detectable(
    rows, error, margin, confidence, power
) -> None:
    needed = units_needed(rows, error, 0.0, -margin, confidence, power)
    assert needed is not None
    then = error * (rows / needed) ** 0.5
    assert minimum_detectable_effect(then, confidence, power) <= margin * (1 + 1e-9)
    if needed > 1:
        before = error * (rows / (needed - 1)) ** 0.5
        assert minimum_detectable_effect(before, confidence, power) > margin * (1 - 1e-9)


def test_no_rows_tell_a_truth_at_the_limit_or_next_to_it() -> None:
    assert units_needed(100, 0.1, -0.02, -0.02, 0.95, 0.8) is None
    assert units_needed(100, 0.1, 1e-7, 0.0, 0.95, 0.8) is None
    assert MOST == 10**10


def say(
    bounds: SamplingDistribution,
    worst: float,
    metric: str = "auc",
    units: SamplingUnits | None = None,
    rows: int = 214,
) -> str:
    units = units or SamplingUnits.rows(rows)
    better = describe_direction(metric)
    return describe_power(rows, units, "this slice", better, bounds, worst, 0.95, 0.8)


def test_it_says_what_cannot_be_seen_and_how_many_rows_would() -> None:
    assert say(SamplingDistribution(0.001, 0.01107), -0.0104) == (
        "this slice of 214 rows cannot see a drop under 0.031; about 1,900 rows would tell"
    )


def test_it_counts_what_varies() -> None:
    assert say(SamplingDistribution(0.001, 0.01107), -0.0104, units=SamplingUnits("night", 30)) == (
        "this slice of 30 nights cannot see a drop under 0.031; about 270 nights would tell"
    )
    assert say(SamplingDistribution(-0.02, 0.01), -0.02, units=SamplingUnits("store", 30)).endswith(
        "no number of values of store would tell"
    )


def test_a_standard_error_of_few_degrees_sees_less() -> None:
    few, more = (minimum_detectable_effect(0.01, 0.95, 0.8, degrees) for degrees in (9.0, 99.0))
    assert few > 1.15 * more > 1.15 * minimum_detectable_effect(0.01, 0.95, 0.8)


@pytest.mark.parametrize("degrees", [9.0, 40.0])
def test_a_truth_that_far_off_passes_so_often_by_few_degrees_too(degrees) -> None:
    """The same as above, where the standard error is estimated, as it is from few nights."""
    random = np.random.default_rng(5)
    spread = np.sqrt(random.chisquare(degrees, size=4000) / degrees)
    drawn = random.normal(size=4000)
    # Each holdout is told how much it can see by its own standard error; half by less.
    median = float(np.median(spread))
    truth = minimum_detectable_effect(median, 0.95, 0.8, degrees)
    ends = [
        SamplingDistribution(truth + value, error, degrees).interval(0.95)[0]
        for value, error in zip(drawn, spread, strict=True)
    ]
    assert np.mean(np.array(ends) > 0) == pytest.approx(0.8, abs=0.04)


def test_what_would_tell_is_the_harder_of_no_change_and_what_was_seen() -> None:
    needed = [
        units_for_difference(100, SamplingDistribution(value, 0.01), -0.03, 0.95, 0.8)
        for value in (0.0, 0.02, -0.02)
    ]
    assert needed[0] == needed[1] < needed[2]
    assert units_for_difference(100, SamplingDistribution(-0.03, 0.01), -0.03, 0.95, 0.8) is None


def test_it_names_the_metric_s_own_direction() -> None:
    found = SamplingDistribution(0.0, 0.01)
    assert "cannot see a rise under 0.028" in say(found, -0.01, "log_loss")
    assert "cannot see a move from 0 under 0.028" in say(found, -0.01, "bias")
    assert "cannot tell a rise of 0.010 from" not in say(found, 0.01)
    assert "cannot tell a rise of 0.010 to within 0.028" in say(found, 0.01)
    assert "cannot tell a drop of 0.010 to within 0.028" in say(found, 0.01, "rmse")


def test_what_lies_near_the_limit_is_promised_no_early_answer() -> None:
    # The margin itself could be seen with these rows; what was seen lies close to it.
    near = SamplingDistribution(-0.025, 0.01)
    assert minimum_detectable_effect(0.01, 0.95, 0.8) < 0.03
    assert say(near, -0.03).endswith("; about 6,700 rows would tell")
    assert say(SamplingDistribution(-0.03, 0.01), -0.03).endswith("no number of rows would tell")


def test_no_change_at_all_as_limit_goes_by_what_was_seen() -> None:
    assert say(SamplingDistribution(0.01, 0.01), 0.0).endswith("; about 1,700 rows would tell")


def test_what_only_the_other_slices_hide_is_told_so() -> None:
    assert say(SamplingDistribution(-0.06, 0.01), -0.02).endswith(
        "by itself it could tell, among all the slices it cannot"
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.03149, "0.031"),
        (1876, "1,900"),
        (0.5, "0.50"),
        (12.4, "12"),
        (0, "0"),
        (9.96e9, "10,000,000,000"),
        (0.0000123, "0.000012"),
    ],
)
def test_two_digits_that_count(number, text) -> None:
    assert format_number(number) == text
