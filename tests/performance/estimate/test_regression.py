"""A night errs where the reference erred."""

from __future__ import annotations

import numpy as np
import pytest

from assay.columns.grid import NumberGrid
from assay.columns.night_effects import NightEffects
from assay.performance.estimate import regression

ALIKE = NightEffects(0.0, 0.0, 0.0, 0.0, 1000)
"""Nights that do not differ."""


GRID = NumberGrid(tuple(float(edge) for edge in range(0, 101, 5)))


def rows(seed: int, count: int, low: float = 0, high: float = 100) -> tuple[np.ndarray, np.ndarray]:
    """Truths and predictions; errors grow with the prediction."""
    random = np.random.default_rng(seed)
    predicted = random.uniform(low, high, count)
    return predicted - random.normal(1, 1 + predicted / 10), predicted


def counts(predicted: np.ndarray) -> np.ndarray:
    cell = np.searchsorted(np.asarray(GRID.edges), predicted, side="right")
    return np.bincount(cell, minlength=GRID.cells).astype(float)


def realized(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    error = predicted - truth
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "bias": float(np.mean(error)),
    }


def test_a_shifted_night_is_expected_to_err_as_it_does() -> None:
    losses = regression.learn(*rows(1, 20_000), GRID)
    assert losses is not None
    truth, predicted = rows(2, 20_000, 60, 100)
    found = regression.estimate(losses, counts(predicted), 0.99, ALIKE)
    ordinary = regression.estimate(losses, counts(rows(3, 5000)[1]), 0.99, ALIKE)
    for name, value in realized(truth, predicted).items():
        assert found[name].low < value < found[name].high, name
    assert ordinary["mae"].high < found["mae"].low


def test_intervals_hold_the_realized_metric_as_often_as_they_say() -> None:
    inside, trials = dict.fromkeys(regression.METRICS, 0), 300
    for trial in range(trials):
        losses = regression.learn(*rows(2 * trial, 3000), GRID)
        truth, predicted = rows(2 * trial + 1, 800)
        found = regression.estimate(losses, counts(predicted), 0.9, ALIKE)
        for name, value in realized(truth, predicted).items():
            inside[name] += found[name].low <= value <= found[name].high
    for name, count in inside.items():
        assert count / trials == pytest.approx(0.9, abs=0.05), name


def test_cells_with_few_rows_share_their_errors() -> None:
    truth, predicted = rows(1, 5000, 40, 60)
    losses = regression.learn(truth, predicted, GRID)
    assert losses is not None and losses.rows.min() >= regression.FEWEST
    assert np.all(np.diff(losses.pool) >= 0) and losses.pool.max() == 3
    far = np.zeros(GRID.cells)
    far[-1] = 7
    assert regression.estimate(losses, far, 0.9, ALIKE)["mae"].value == pytest.approx(
        regression.estimate(losses, counts(np.full(3, 57.0)), 0.9, ALIKE)["mae"].value
    )


def test_too_little_is_no_value() -> None:
    assert regression.learn(*rows(1, 29), GRID) is None
    found = regression.estimate(None, counts(rows(1, 5)[1]), 0.9, ALIKE)
    assert found["mae"].value is None and "30 reference rows" in str(found["mae"].why)
    losses = regression.learn(*rows(1, 300), GRID)
    assert losses is not None
    assert regression.estimate(losses, np.zeros(GRID.cells), 0.9, ALIKE)["rmse"].why == "no rows"


def test_a_model_without_error_stays_without() -> None:
    predicted = np.linspace(0, 99, 200)
    found = regression.estimate(
        regression.learn(predicted, predicted, GRID), counts(predicted), 0.9, ALIKE
    )
    assert [found[name].value for name in regression.METRICS] == [0, 0, 0]


def test_a_bias_differs_by_night() -> None:
    losses = regression.learn(*rows(1, 5000), GRID)
    predicted = rows(2, 800)[1]
    alone = regression.estimate(losses, counts(predicted), 0.95, ALIKE)["bias"]
    differ = NightEffects(0.0, 4.0, 0.0, 0.0, 1000)
    found = regression.estimate(losses, counts(predicted), 0.95, differ)["bias"]
    own = (alone.high - alone.low) / 2
    assert (found.high - found.low) / 2 == pytest.approx(np.hypot(own, 1.96 * 2), rel=0.01)
    unknown = regression.estimate(losses, counts(predicted), 0.95, None)["bias"]
    assert unknown.low is None and "3 reference nights" in str(unknown.why)
