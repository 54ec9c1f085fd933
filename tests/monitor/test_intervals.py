"""Intervals of single metrics: against published numbers, and how often they cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from pipeline.metrics.scored import Scored
from pipeline.monitor.intervals import auc, intervals, wilson


def test_wilson_against_newcombes_published_example() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3: 81 of 263 and 15 of 148.
    assert wilson(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148, 0.95) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20, 0.95) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_delongs_variance_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(1)
    positive = rng.random(60) < 0.4
    p = np.round(expit(rng.normal(positive, 1.0)), 1)
    high, low = p[positive][:, None], p[~positive][None, :]
    wins = (high > low) + 0.5 * (high == low)
    area = wins.mean()
    error = np.sqrt(
        wins.mean(axis=1).var(ddof=1) / wins.shape[0]
        + wins.mean(axis=0).var(ddof=1) / wins.shape[1]
    )
    found = auc(positive, p, 0.95)
    wanted = expit(
        np.log(area / (1 - area)) + np.array([-1, 1]) * 1.959964 * error / area / (1 - area)
    )
    assert found == pytest.approx(tuple(wanted), abs=1e-6)


def test_a_faultless_ranking_is_not_certain() -> None:
    positive = np.arange(30) < 12
    low, high = auc(positive, np.linspace(1, 0, 30), 0.95)
    assert 0.7 < low < 0.9
    assert high == 1


@pytest.mark.parametrize("metric", ["auc", "log_loss", "brier", "accuracy", "recall", "f1"])
def test_intervals_cover_as_often_as_they_say(metric: str) -> None:
    """Against the value on a million rows, in 300 nights of 500 rows."""
    rng = np.random.default_rng(7)

    def night(rows: int) -> Scored:
        p = expit(rng.normal(-1, 1, rows))
        return Scored("binary", rng.random(rows) < p, p, threshold=0.35)

    truth = night(1_000_000).values()[metric]
    covered = 0
    for _ in range(300):
        scored = night(500)
        low, high = intervals(scored, scored.values(), 0.9)[metric]
        covered += low <= truth <= high
    # Three standard errors of 300 trials at 0.9 are 0.052.
    assert covered / 300 == pytest.approx(0.9, abs=0.053)


def test_too_few_rows_of_a_label_have_no_interval_that_ranks() -> None:
    scored = Scored("binary", np.arange(40) < 3, np.linspace(1, 0, 40))
    found = intervals(scored, scored.values(), 0.95)
    assert "auc" not in found
    assert "recall" not in found
    assert "accuracy" in found


def test_regression_and_multiclass_have_theirs() -> None:
    rng = np.random.default_rng(3)
    numbers = Scored("regression", rng.normal(size=200), rng.normal(size=200))
    assert set(intervals(numbers, numbers.values(), 0.95)) == {"rmse", "mae", "bias", "r2"}
    many = Scored(
        "multiclass", rng.integers(0, 3, 200), rng.dirichlet([1, 1, 1], 200), ("a", "b", "c")
    )
    assert {"accuracy", "log_loss", "brier"} <= set(intervals(many, many.values(), 0.95))
