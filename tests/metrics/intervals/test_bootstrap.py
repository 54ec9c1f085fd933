"""Intervals of own metrics: as wide as those of the same metrics of Assay's, and never invented."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.errors import PluginError
from assay.metrics.evaluator import Ints
from assay.metrics.intervals.difference import differences
from assay.metrics.intervals.estimates import estimates
from assay.metrics.intervals.own import OwnMeasures, bootstrap_difference, bootstrap_estimate
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.own_metrics import OwnMetric
from assay.metrics.sampling_units import SamplingUnits


def brier(truth, scores):
    return float(np.mean((scores - truth) ** 2))


BRIER = OwnMetric("own.brier", "lower", brier, ("truth", "scores"))


def scene(rows: int, nights: int) -> tuple[LabelledScores, LabelledScores, SamplingUnits]:
    """Two models on nights that are easy or hard for both."""
    rng = np.random.default_rng(11)
    codes = np.sort(rng.integers(nights, size=rows))
    hard = rng.normal(size=nights)[codes]
    logit = rng.normal(size=rows) * 2 + hard
    truth = rng.random(rows) < 1 / (1 + np.exp(-logit))
    first, second = (
        1 / (1 + np.exp(-(logit - hard + rng.normal(size=rows) * noise))) for noise in (1.5, 1.0)
    )
    known, codes = np.unique(codes, return_inverse=True)
    units = SamplingUnits("night", len(known), codes.astype(np.intp))
    return LabelledScores("binary", truth, first), LabelledScores("binary", truth, second), units


@pytest.mark.parametrize("by_night", [True, False])
def test_the_interval_is_that_of_the_same_metric_of_assays(by_night: bool) -> None:
    old, new, units = scene(1500, 25)
    units = units if by_night else SamplingUnits.rows(1500)
    rows, frame = np.arange(1500), pd.DataFrame(index=range(1500))
    one, other = (OwnMeasures.of([BRIER], frame, each, seed=3) for each in (old, new))
    mine = other.estimates(rows, units, 0.95)["own.brier"]
    ours = estimates(new, units, 0.95)["brier"]
    assert mine.value == pytest.approx(ours.value)
    assert mine.low < mine.value < mine.high
    assert mine.high - mine.low == pytest.approx(ours.high - ours.low, rel=0.12)
    mine = other.differences(one, rows, units, 0.95, alike=False)["own.brier"]
    ours = differences(old, new, units=units, confidence=0.95)["brier"]
    assert mine.value == pytest.approx(ours.value)
    assert mine.standard_error == pytest.approx(ours.standard_error, rel=0.12)


def test_the_same_seed_gives_the_same_interval_and_a_slice_its_own_rows() -> None:
    old, _, units = scene(600, 20)
    own = OwnMeasures.of([BRIER], pd.DataFrame(index=range(600)), old, seed=3)
    part = np.flatnonzero(units.codes < 12)
    one, again = (own.estimates(part, units.take(part), 0.95)["own.brier"] for _ in range(2))
    assert one == again
    assert one.value == pytest.approx(
        estimates(old.take(part), units.take(part), 0.95)["brier"].value
    )


def constant(rows: Ints) -> float:
    return 1.0


def rarely(rows: Ints) -> float:
    return np.nan if 0 not in rows else float(rows.mean())


def fails(rows: Ints) -> float:
    raise PluginError("the function failed")


BY_ROW = SamplingUnits.rows(40)


@pytest.mark.parametrize(
    ("measure", "units", "few", "why"),
    [
        (constant, BY_ROW, True, "the same in all resamples of the rows"),
        (rarely, BY_ROW, True, r"no value in 3\d\d of 1,000 resamples of the rows"),
        (fails, BY_ROW, False, "the function failed"),
        (lambda rows: np.inf, BY_ROW, False, "not a number"),
        (lambda rows: rows.mean(), SamplingUnits("night", 4), True, "4 nights, fewer than 10"),
    ],
)
def test_what_cannot_be_told_has_no_interval(measure, units, few: bool, why: str) -> None:
    found = bootstrap_estimate(measure, 40, units, 0.95, 1)
    assert (found.low, found.high, found.few) == (None, None, few)
    assert pd.Series([found.why]).str.contains(why).all(), found.why
    one = bootstrap_difference(
        measure, measure, alike=False, rows=40, units=units, confidence=0.95, seed=1
    )
    assert one.standard_error is None and one.few is few and one.why


def test_models_that_are_alike_differ_by_nothing() -> None:
    one = bootstrap_difference(
        constant, constant, alike=True, rows=40, units=BY_ROW, confidence=0.95, seed=1
    )
    assert (one.value, one.low, one.high, one.standard_error) == (0, 0, 0, 0)
