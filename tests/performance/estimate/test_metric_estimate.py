"""An estimated metric's interval, by hand."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from assay.columns.night_effects import NightEffects
from assay.performance.estimate.metric_estimate import (
    CellInfluence,
    MetricEstimate,
    estimate_metric,
    interval,
    label_variance,
    missing_estimate,
    night_reach,
)


def odds(share: float) -> float:
    return math.log(share / (1 - share))


def share(at: float) -> float:
    return 1 / (1 + math.exp(-at))


@pytest.mark.parametrize("name", ["mae", "rmse", "log_loss", "bias"])
def test_distances_of_what_has_no_bound_add_up_at_a_right_angle(name: str) -> None:
    found = MetricEstimate(2.0, 1.0, 4.0, "why").widened(name, 0.3, 2.0)
    assert (found.value, found.why) == (2.0, "why")
    assert found.low == pytest.approx(0.0 if name != "bias" else 2 - math.hypot(2, 0.3))
    assert found.high == pytest.approx(2 + math.hypot(4, 0.3))
    near = MetricEstimate(2.0, 1.5, 4.0).widened(name, 0.3)
    assert near.low == pytest.approx(2 - math.hypot(0.5, 0.3))


def test_distances_of_a_share_add_up_in_log_odds() -> None:
    found = MetricEstimate(0.8, 0.7, 0.85).widened("auc", 0.02, 1.5)
    for before, end in ((0.7, found.low), (0.85, found.high)):
        apart = math.hypot(1.5 * (odds(before) - odds(0.8)), 0.02 / (0.8 * 0.2))
        assert end == pytest.approx(share(odds(0.8) + math.copysign(apart, before - 0.8)))


@pytest.mark.parametrize(
    "one", [MetricEstimate(0.8, 0.0, 1.0), MetricEstimate(1.0, 0.9, 1.0), missing_estimate("no")]
)
def test_what_reaches_its_bounds_or_is_not_there_is_not_widened(one: MetricEstimate) -> None:
    assert one.widened("auc", 0.02, 2.0) == one


def test_without_a_reason_an_interval_stays() -> None:
    one = MetricEstimate(0.8, 0.7, 0.9)
    assert one.without_interval(None) is one
    assert one.without_interval("few") == MetricEstimate(0.8, None, None, "few")
    assert missing_estimate("no rows").without_interval("few").why == "no rows"
    assert MetricEstimate(0.8, None, None).widened("auc", 0.1) == MetricEstimate(0.8, None, None)


def test_an_interval_is_extended_to_its_value() -> None:
    one = MetricEstimate(0.8, 0.1, 0.2, "why")
    assert one.within(0.7, 0.9) == MetricEstimate(0.8, 0.7, 0.9, "why")
    assert one.within(0.85, 0.9).low == 0.8 and one.within(0.7, 0.75).high == 0.8
    assert missing_estimate("no").within(0.7, 0.9) == missing_estimate("no")


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_an_interval_of_labels_is_the_normal_one(confidence: float) -> None:
    counts, means = np.array([30.0, 50.0]), np.array([0.2, 0.7])
    found = CellInfluence(0.3, np.array([1.5, 0.4]), np.array([-0.5, -0.2]))
    variance = (30 * 2.0**2 * 0.16 + 50 * 0.6**2 * 0.21) / 80**2
    assert label_variance(found, counts, means) == pytest.approx(variance)
    z = NormalDist().inv_cdf((1 + confidence) / 2) * variance**0.5
    one = estimate_metric("mae", found, counts, means, confidence)
    assert (one.value, one.low, one.high) == pytest.approx((0.3, 0.3 - z, 0.3 + z))
    one = estimate_metric("auc", found, counts, means, confidence)
    reach = z / (0.3 * 0.7)
    ends = share(odds(0.3) - reach), share(odds(0.3) + reach)
    assert (one.low, one.high) == pytest.approx(ends)
    bad = CellInfluence(math.nan, found.positive, found.negative)
    assert estimate_metric("auc", bad, counts, means, confidence) == missing_estimate(
        "it came out as not a number"
    )


def test_a_share_of_hardly_any_or_nearly_all_stays_one() -> None:
    for value in (1e-300, 1 - 1e-16):
        low, high = interval("accuracy", value, 0.5, 0.95)
        assert 0 <= low <= high <= 1
    assert interval("accuracy", 0.0, 0.1, 0.95) == pytest.approx((0.0, 0.1959964))


def test_what_differs_between_nights_moves_a_metric_by_its_slopes() -> None:
    counts, means = np.array([30.0, 50.0]), np.array([0.2, 0.7])
    found = CellInfluence(0.3, np.array([1.5, 0.4]), np.array([-0.5, -0.2]))
    effects = NightEffects(0.0, 0.04, 0.0, 0.0, 1000)
    slopes = (30 * 2.0 * 0.16 + 50 * 0.6 * 0.21) / 80
    one = night_reach(found, counts, means, effects, 0.95)
    assert one == pytest.approx(effects.reach(np.zeros(1), np.array([slopes]), 0.95))
    assert one == pytest.approx(1.96 * 0.2 * slopes, rel=0.01)
