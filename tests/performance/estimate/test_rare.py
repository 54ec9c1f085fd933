"""Where events are rare, estimates are as good as where they are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.profile_counter import compute_profile
from assay.columns.score_grid import probability_grid
from assay.metrics.labelled_scores import LabelledScores
from assay.performance.estimate import binary, decisions
from assay.performance.estimate.score_cells import ScoreCells, cells_from_profile
from benchmarks import estimate_simulation

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
    found = binary.estimate(counted(p, threshold, base), threshold, 0.95)
    assert found["auc"].value == pytest.approx(area(p), abs=5e-4)
    random, inside = np.random.default_rng(3), dict.fromkeys(binary.METRICS, 0)
    for _ in range(TRIALS):
        realized = LabelledScores("binary", random.random(rows) < p, p, (), threshold).values()
        for name in inside:
            inside[name] += found[name].low <= realized[name] <= found[name].high
    for name, count in inside.items():
        assert count / TRIALS >= 0.9, name


def test_of_two_expected_hits_there_may_be_none() -> None:
    p = np.concatenate([np.full(20, 0.1), np.full(5000, 0.002)])
    found = decisions.intervals(counted(p, 0.05, 0.005), 0.05, 0.95)
    assert found["precision"][0] == 0 and 0.25 <= found["precision"][1] <= 0.3
    assert found["recall"][0] == 0 and found["f1"][0] == 0


def test_what_is_certain_has_no_width() -> None:
    p = np.repeat([0.0, 1.0], 50)
    found = decisions.intervals(counted(p, 0.5, 0.3), 0.5, 0.95)
    for low, high in found.values():
        assert (low, high) == pytest.approx((1, 1))


def test_the_simulation_counts_what_its_intervals_hold() -> None:
    off, held = estimate_simulation.coverage("steps", 0.3, 500, 30, 1)
    assert off < 1e-3 and held["auc"] is not None and held["auc"] > 0.8
    off, held = estimate_simulation.coverage("normal", 0.005, 3000, 2, 1)
    assert held["precision"] is None and held["auc"] is not None
