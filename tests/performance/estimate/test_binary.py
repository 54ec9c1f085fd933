"""What is expected of a calibrated model is what comes out, as often as stated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.features import FrameFeatures
from assay.columns.night_effects import NightEffects
from assay.columns.profile_counter import compute_profile
from assay.columns.score_grid import probability_grid
from assay.metrics.labelled_scores import LabelledScores
from assay.performance.estimate import binary
from assay.performance.estimate.decisions import (
    ScoreCells,
    cells_from_histogram,
    cells_from_profile,
)
from assay.performance.estimate.metric_estimate import (
    MetricEstimate,
    interval,
    label_variance,
)
from benchmarks import estimate_simulation
from tests.performance.estimate.cells import EDGES, cells

ALIKE = NightEffects(0.0, 0.0, 0.0, 0.0, 1000)
"""Nights that do not differ."""


def by_row(p: np.ndarray, threshold: float) -> dict[str, float]:
    """The expected metrics from every row alone, as the textbook has them."""
    said = p >= threshold
    true, positives, called = p[said].sum(), p.sum(), said.sum()
    order = np.argsort(p)
    sorted_p = p[order]
    below = np.concatenate([[0], np.cumsum(1 - sorted_p)[:-1]])
    return {
        "auc": sorted_p @ below / (positives * (1 - p).sum() - p @ (1 - p)),
        "log_loss": -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean(),
        "brier": (p * (1 - p)).mean(),
        "accuracy": np.where(said, p, 1 - p).mean(),
        "precision": true / called,
        "recall": true / positives,
        "f1": 2 * true / (called + positives),
    }


@pytest.mark.parametrize(("number", "within"), [(200, 2e-5), (20, 5e-4)])
@pytest.mark.parametrize("shape", [(2, 5), (0.5, 0.5), (20, 60)])
def test_counts_give_what_rows_give(number: int, within: float, shape: tuple[float, float]) -> None:
    p = np.clip(np.random.default_rng(1).beta(*shape, 50_000), 1e-6, 1 - 1e-6)
    found = binary.estimate(cells(p, number), 0.35, 0.95, ALIKE)
    for name, value in by_row(p, 0.35).items():
        assert found[name].value == pytest.approx(
            value, abs=within * (20 if name == "log_loss" else 1)
        )


@pytest.mark.parametrize("rows", [300, 3000])
@pytest.mark.parametrize("shape", [(2, 5), (1, 12), (0.4, 0.4)])
def test_intervals_hold_the_realized_metric_as_often_as_they_say(
    rows: int, shape: tuple[float, float]
) -> None:
    trials, random = 400, np.random.default_rng(2)
    p = random.beta(*shape, rows)
    found = binary.estimate(cells(p), 0.35, 0.9, ALIKE)
    inside = {name: 0 for name, one in found.items() if one.low is not None}
    few = {"precision", "recall", "f1"} if shape == (1, 12) and rows == 300 else set()
    assert set(found) - set(inside) == few
    for _ in range(trials):
        realized = LabelledScores("binary", random.random(rows) < p, p, (), 0.35).values()
        for name in inside:
            inside[name] += found[name].low <= realized[name] <= found[name].high
    for name, count in inside.items():
        assert count / trials == pytest.approx(0.9, abs=0.05), name


@settings(max_examples=150, deadline=None)
@given(
    p=st.lists(st.floats(0, 1), min_size=1, max_size=60),
    threshold=st.sampled_from(EDGES[20][1:-1]),
)
def test_any_scores_give_values_in_range_or_a_reason(p: list[float], threshold: float) -> None:
    found = binary.estimate(cells(np.array(p), 20), threshold, 0.95, ALIKE)
    assert tuple(found) == binary.METRICS
    for name, one in found.items():
        if one.value is None:
            assert one.why and one.low is None and one.high is None
            continue
        assert name == "log_loss" or -1e-9 <= one.value <= 1 + 1e-9
        if one.low is None:
            assert one.high is None and one.why is not None
            assert "fewer than 10" in one.why or "probability 0 or 1" in one.why
            continue
        assert one.low <= one.value + 1e-9 and one.value <= one.high + 1e-9
        if name != "log_loss":
            assert one.low >= -1e-9 and one.high <= 1 + 1e-9


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=60), st.sampled_from(EDGES[20][1:-1]))
def test_influences_have_no_mean(p: list[float], threshold: float) -> None:
    split = cells(np.array(p), 20)
    influences: dict[str, Any] = binary.decision_metrics(split, (split.low >= threshold) * 1.0)
    for name, one in influences.items():
        mean = split.counts @ (split.means * one.positive + (1 - split.means) * one.negative)
        assert mean == pytest.approx(0, abs=1e-9), name
        assert label_variance(one, split.counts, split.means) >= 0


def test_a_share_stays_one_and_only_what_has_no_bound_goes_beyond() -> None:
    z = 1.959964
    assert interval("mae", 2.0, 0.1, 0.95) == pytest.approx((2 - 0.1 * z, 2 + 0.1 * z))
    assert interval("mae", 0.1, 0.1, 0.95) == pytest.approx((0.0, 0.1 + 0.1 * z))
    assert interval("bias", 0.1, 0.1, 0.95) == pytest.approx((0.1 - 0.1 * z, 0.1 + 0.1 * z))
    ends = 1 / (1 + np.exp(0.4 * z)), 1 / (1 + np.exp(-0.4 * z))
    assert interval("accuracy", 0.5, 0.1, 0.95) == pytest.approx(ends)
    assert interval("accuracy", 1.0, 0.1, 0.95) == pytest.approx((1 - 0.1 * z, 1.0))


def test_one_score_for_all_ranks_nothing() -> None:
    found = binary.estimate(cells(np.full(1000, 0.2375), 20), 0.5, 0.95, ALIKE)
    assert found["auc"].value == pytest.approx(0.5)
    assert found["brier"].value == pytest.approx(0.2375 * 0.7625)
    assert found["precision"].why == "no row is predicted positive"
    assert found["accuracy"].value == pytest.approx(0.7625)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_labels_leave_no_pairs(p: float) -> None:
    found = binary.estimate(cells(np.full(10, p)), 0.5, 0.95, ALIKE)
    assert found["auc"].why == "every row has the same label for certain"
    assert found["accuracy"].value == 1
    assert found["recall"].value == (None if p == 0 else 1)


def test_no_rows_say_nothing() -> None:
    found = binary.estimate(cells(np.array([])), 0.5, 0.95, ALIKE)
    assert {one.why for one in found.values()} == {"no rows"}
    assert found["auc"] == MetricEstimate(None, None, None, "no rows")


def test_counts_outside_of_the_grid_are_no_probabilities() -> None:
    with pytest.raises(ValueError, match="outside"):
        cells_from_histogram(EDGES[20], [1] + [0] * 21, [0.5] + [0] * 21, 0.25)


TRIALS = 120


def drawn(seed: int, base: float, rows: int) -> np.ndarray:
    odds = np.log(base) - 1.8**2 / 2 + 1.8 * np.random.default_rng(seed).normal(size=rows)
    return 1 / (1 + np.exp(-odds))


def counted(p: np.ndarray, threshold: float, base: float) -> ScoreCells:
    grid = probability_grid(drawn(7, base, 50_000), threshold)
    profile = compute_profile(FrameFeatures(pd.DataFrame({"p": p})), {"p": grid})
    return cells_from_profile(profile["p"], grid)


def area(p: np.ndarray) -> float:
    """The expected share of pairs in order, from every row alone."""
    p = np.sort(p)
    below = np.concatenate([[0], np.cumsum(1 - p)[:-1]])
    return float(p @ below / (p.sum() * (1 - p).sum() - p @ (1 - p)))


@pytest.mark.parametrize(("base", "rows"), [(0.0005, 30_000), (0.005, 20_000), (0.3, 1000)])
def test_rare_events_are_estimated_and_intervals_hold(base: float, rows: int) -> None:
    p = drawn(1, base, rows)
    # Few are said yes to: that is what rare events are looked for with.
    threshold = float(np.quantile(p, 1 - max(30 / rows, 0.1 * base)))
    found = binary.estimate(counted(p, threshold, base), threshold, 0.95, ALIKE)
    assert found["auc"].value == pytest.approx(area(p), abs=5e-4)
    random, inside = np.random.default_rng(3), dict.fromkeys(binary.METRICS, 0)
    for _ in range(TRIALS):
        realized = LabelledScores("binary", random.random(rows) < p, p, (), threshold).values()
        for name in inside:
            inside[name] += found[name].low <= realized[name] <= found[name].high
    for name, count in inside.items():
        assert count / TRIALS >= 0.9, name


def test_the_simulation_counts_what_its_intervals_hold() -> None:
    off, held = estimate_simulation.of_labels("steps", 0.3, 500, 30, 1)
    assert off < 1e-3 and held["auc"] is not None and held["auc"] > 0.8
    off, held = estimate_simulation.of_labels("normal", 0.005, 3000, 2, 1)
    assert held["precision"] is None and held["auc"] is not None


def test_nights_that_differ_widen_every_interval() -> None:
    p = np.random.default_rng(9).beta(2, 5, 3000)
    alone = binary.estimate(cells(p), 0.35, 0.95, ALIKE)
    differ = NightEffects(-1.0, 0.09, 0.0, 0.01, 1000)
    found = binary.estimate(cells(p), 0.35, 0.95, differ)
    for name, one in found.items():
        assert one.value == alone[name].value
        assert one.low < alone[name].low and alone[name].high < one.high, name
    unknown = binary.estimate(cells(p), 0.35, 0.95, None)
    assert {one.low for one in unknown.values()} == {None}
    assert all("3 reference nights" in str(one.why) for one in unknown.values())
    assert unknown["auc"].value == alone["auc"].value


@pytest.mark.parametrize("threshold", [0.35, 0.55])
def test_intervals_hold_what_comes_on_nights_that_differ(threshold: float) -> None:
    random = np.random.default_rng(11)
    p, inside, trials = random.beta(2, 4, 2000), dict.fromkeys(binary.METRICS, 0), 300
    odds = np.log(p / (1 - p))
    found = binary.estimate(cells(p, 200), threshold, 0.9, NightEffects(-1, 0.16, 0, 0.04, 1000))
    for _ in range(trials):
        moved = odds + 0.4 * random.normal() + 0.2 * random.normal() * (odds + 1)
        happened = random.random(2000) < 1 / (1 + np.exp(-moved))
        realized = LabelledScores("binary", happened, p, (), threshold).values()
        for name in inside:
            inside[name] += found[name].low <= realized[name] <= found[name].high
    for name, count in inside.items():
        assert count / trials == pytest.approx(0.9, abs=0.07), name


def test_rows_that_are_certain_leave_the_log_loss_unbounded() -> None:
    random = np.random.default_rng(12)
    p = np.where(random.random(1000) < 0.2, 0.0, np.clip(random.beta(2, 4, 1000), 0.01, 0.99))
    found = binary.estimate(cells(p), 0.35, 0.95, ALIKE)
    assert "probability 0 or 1" in str(found["log_loss"].why) and found["log_loss"].low is None
    assert all(one.low is not None for name, one in found.items() if name != "log_loss")
    # So many rows that one more label does not matter.
    many = binary.estimate(cells(np.repeat(p, 500)), 0.35, 0.95, ALIKE)
    assert many["log_loss"].why is None
