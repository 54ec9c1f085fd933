"""The calibration error without what chance adds to it, against models whose error is known."""

from __future__ import annotations

import numpy as np
import pytest

from assay.metrics.calibration import CalibrationGaps, classifier_gaps
from assay.metrics.following import STEPS, Following
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits


def binary(rows: int, seed: int, off: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are too high by ``off``, and what came of them."""
    random = np.random.default_rng(seed)
    p = random.uniform(0.1, 0.6, rows)
    return p + off, random.random(rows) < p


def by_row(rows: int, seed: int, off: float = 0.0) -> CalibrationGaps:
    return classifier_gaps(*binary(rows, seed, off), SamplingUnits.rows(rows))


def test_what_was_seen_is_the_metric_itself() -> None:
    p, truth = binary(700, 1)
    table = LabelledScores("binary", truth, p).evaluator()
    seen = classifier_gaps(p, truth, SamplingUnits.rows(700)).measured
    assert seen == pytest.approx(table.metrics()["calibration_error"], abs=1e-12)


def test_a_model_that_is_calibrated_comes_out_near_0_where_its_raw_error_does_not() -> None:
    found = [by_row(500, seed) for seed in range(40)]
    raw, without = (
        [each() for each in ways]
        for ways in zip(
            *((lambda one=one: one.measured, one.estimate) for one in found), strict=True
        )
    )
    assert np.mean(raw) > 0.04
    assert np.mean(without) < 0.4 * np.mean(raw)
    assert np.median(without) < 0.02
    assert all(one.interval(0.95)[1] == 0 for one in found[:10])


@pytest.mark.parametrize("off", [0.05, 0.1])
def test_a_model_that_is_off_comes_out_as_far_off(off: float) -> None:
    found = [by_row(800, seed, off) for seed in range(40)]
    assert np.mean([one.estimate() for one in found]) == pytest.approx(off, abs=0.012)
    held = 0
    for one in found:
        value, low, high = one.interval(0.95)
        assert low <= value <= high
        assert value == pytest.approx(one.estimate(), abs=1e-12)
        held += low <= off <= high
    # Of 40 intervals at 0.95, 33 or fewer hold the truth once in 1,000 suites.
    assert held >= 34


def test_the_same_rows_measured_twice_come_out_alike() -> None:
    assert by_row(400, 3).interval(0.95) == by_row(400, 3).interval(0.95)


def test_four_times_the_rows_and_less_confidence_are_narrower() -> None:
    def width(rows: int, confidence: float) -> float:
        _, low, high = by_row(rows, 5, 0.1).interval(confidence)
        return high - low

    assert 1.4 < width(500, 0.95) / width(2000, 0.95) < 2.8
    assert width(500, 0.8) < width(500, 0.95)


def test_stores_that_are_bad_as_a_whole_are_wider_than_rows() -> None:
    random = np.random.default_rng(7)
    codes = np.repeat(np.arange(30), 40).astype(np.intp)
    p = random.uniform(0.3, 0.6, 1200)
    truth = random.random(1200) < p - 0.1 + random.normal(0, 0.1, 30)[codes]
    by_store, by_row = (
        classifier_gaps(p, truth, units)
        for units in (SamplingUnits("store", 30, codes), SamplingUnits.rows(1200))
    )
    assert by_store.measured == by_row.measured > 0.08
    assert by_store.along.design_effect > 2
    wide, narrow = (one.interval(0.95) for one in (by_store, by_row))
    assert wide[2] - wide[1] > 1.3 * (narrow[2] - narrow[1])
    # All gaps point one way, so that chance adds little to them, by store or by row.
    assert by_store.estimate() == pytest.approx(by_row.estimate(), abs=0.01)


def test_units_of_one_row_each_are_rows() -> None:
    p, truth = binary(300, 2, 0.1)
    one = classifier_gaps(p, truth, SamplingUnits("store", 300, np.arange(300, dtype=np.intp)))
    other = classifier_gaps(p, truth, SamplingUnits.rows(300))
    assert one.covariance == pytest.approx(other.covariance, abs=1e-12)
    assert one.along.standard_error == pytest.approx(other.along.standard_error)
    assert one.estimate() == pytest.approx(other.estimate(), abs=1e-9)


def test_the_covariance_is_that_of_resampled_units() -> None:
    random = np.random.default_rng(8)
    bins = random.integers(0, 3, 600)
    p = np.array([0.2, 0.5, 0.7])[bins]  # few values, so that resamples share their bins
    codes = np.repeat(np.arange(60), 10).astype(np.intp)
    truth = random.random(600) < np.clip(p + random.normal(0, 0.15, 60)[codes], 0, 1)
    found = classifier_gaps(p, truth, SamplingUnits("night", 60, codes))
    cells = np.zeros((60, 3))
    np.add.at(cells, (codes, bins), p - truth)
    drawn = cells[random.integers(0, 60, (4000, 60))].sum(axis=1) / 600
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(drawn.std(axis=0), rel=0.08)
    ours = found.covariance[np.triu_indices(3, 1)]
    assert ours == pytest.approx(np.cov(drawn.T)[np.triu_indices(3, 1)], abs=3e-5)


def rare(seed: int, following: Following) -> CalibrationGaps:
    """Thirty nights of 200 rows with some 3 % positives, well calibrated."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(30), 200).astype(np.intp)
    p = random.beta(1, 30, 6000)
    truth = random.random(6000) < np.clip(p * np.exp(random.normal(-0.1, 0.5, 30))[codes], 0, 1)
    return classifier_gaps(p, truth, SamplingUnits("night", 30, codes, following))


CLOSELY = Following(losses=(0.0, *(float(step == 0.9) for step in STEPS)))


@pytest.mark.parametrize("seed", range(12))
def test_nights_that_follow_each_other_never_make_a_low_error_more_certain(seed: int) -> None:
    usual, follow = rare(seed, Following()), rare(seed, CLOSELY)
    assert follow.interval(0.95)[2] > 0.9 * usual.interval(0.95)[2]
    assert follow.along.worth is not None and usual.along.worth is not None
    assert follow.along.worth < usual.along.worth


def test_what_nights_share_moves_all_gaps_and_leaves_the_noise_of_each_bin() -> None:
    usual, follow = rare(1, Following()), rare(1, CLOSELY)
    whole = follow.covariance.sum() / usual.covariance.sum()
    assert whole > 2
    assert follow.covariance - np.outer(follow.shift, follow.shift) == pytest.approx(
        usual.covariance - np.outer(usual.shift, usual.shift), abs=1e-15
    )
    random = np.random.default_rng(1)
    apart = random.normal(size=len(follow.means))
    apart -= (apart @ follow.shift) / (follow.shift @ follow.shift) * follow.shift
    assert apart @ follow.covariance @ apart == pytest.approx(
        apart @ usual.covariance @ apart, rel=1e-9
    )


def test_several_classes_go_by_the_likeliest() -> None:
    random = np.random.default_rng(9)
    p = random.dirichlet([3, 2, 1], 600)
    truth = (random.random(600)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    found = classifier_gaps(p, truth, SamplingUnits.rows(600))
    table = LabelledScores("multiclass", truth, p, ("a", "b", "c")).evaluator()
    assert found.measured == pytest.approx(table.metrics()["calibration_error"], abs=1e-12)
    assert found.estimate() < found.measured


def test_a_model_that_is_right_each_time_has_no_error_and_no_width() -> None:
    truth = np.arange(40) < 15
    found = classifier_gaps(truth.astype(float), truth, SamplingUnits.rows(40))
    assert found.measured == 0 and found.interval(0.95) == (0, 0, 0)
