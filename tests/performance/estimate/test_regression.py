"""A night errs where the reference erred."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assay.columns.grid import NumberGrid
from assay.columns.night_effects import NightEffects, log_loss_size
from assay.model.prediction import LOSSES
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
    for name in regression.METRICS:
        assert (found[name].value, found[name].low, found[name].high) == (0, 0, 0)


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


def test_errors_are_kept_with_their_spread_by_pool_of_cells() -> None:
    truth, predicted = rows(5, 1500)
    truth[7], predicted[8] = np.nan, np.inf
    losses = regression.learn(truth, predicted, GRID)
    known = np.isfinite(truth) & np.isfinite(predicted)
    error = (predicted - truth)[known]
    cell = np.searchsorted(np.asarray(GRID.edges), predicted[known], side="right")
    assert losses is not None and losses.rows.sum() == 1498
    for place in range(int(losses.pool.max()) + 1):
        mine = error[losses.pool[cell] == place]
        each = np.column_stack([mine**2, np.abs(mine), mine])
        assert losses.rows[place] == len(mine) >= regression.FEWEST
        assert losses.means[place] == pytest.approx(each.mean(axis=0))
        assert losses.variances[place] == pytest.approx(each.var(axis=0, ddof=1))


def test_few_rows_at_the_top_belong_to_the_pool_below() -> None:
    predicted = np.repeat([2.0, 7.0, 12.0, 17.0], [30, 29, 1, 29])
    losses = regression.learn(predicted + 1, predicted, GRID)
    assert losses is not None
    assert losses.pool[1:5].tolist() == [0, 1, 1, 1] and losses.rows.tolist() == [30, 59]
    lowest = regression.learn(predicted[30:] + 1, predicted[30:], GRID)
    assert lowest is not None and lowest.pool[1:5].tolist() == [0, 0, 0, 0]
    alone = regression.learn(np.zeros(30), np.full(30, 7.0), GRID)
    assert alone is not None and set(alone.pool.tolist()) == {0}


def test_a_prediction_on_an_edge_is_learnt_where_a_night_counts_it() -> None:
    predicted = np.repeat([20.0, 22.0, 25.0], 50)
    losses = regression.learn(predicted - np.repeat([1.0, 1.0, 3.0], 50), predicted, GRID)
    edge = regression.estimate(losses, counts(np.full(5, 25.0)), 0.9, ALIKE)
    below = regression.estimate(losses, counts(np.full(5, 20.0)), 0.9, ALIKE)
    assert (below["mae"].value, edge["mae"].value) == (1, 3)


def test_an_interval_holds_what_was_learnt_and_the_night_s_own_errors() -> None:
    losses = regression.learn(*rows(1, 3000), GRID)
    assert losses is not None
    night = counts(rows(2, 500)[1])
    share = np.bincount(losses.pool, night) / 500
    square, size, error = share @ losses.means
    of_means = share**2 @ (losses.variances / losses.rows[:, None])
    variance = of_means + share @ losses.variances / 500
    found = regression.estimate(losses, night, 0.95, ALIKE)
    for name, value, own in (
        ("rmse", square**0.5, variance[0] / (4 * square)),
        ("mae", size, variance[1]),
        ("bias", error, variance[2]),
    ):
        assert found[name].value == pytest.approx(value)
        assert (found[name].low, found[name].high) == pytest.approx(
            (value - 1.959964 * own**0.5, value + 1.959964 * own**0.5)
        ), name


def predicted_losses(sizes: np.ndarray, nulls: int = 0, each: int = 2) -> Any:
    """As much of a profile's column as an estimate reads, so many sizes to a fine cell."""
    ordered = np.sort(sizes).reshape(-1, each)
    fine = SimpleNamespace(
        counts=np.array([0, *[each] * len(ordered)]), sums=np.array([0.0, *ordered.sum(axis=1)])
    )
    return SimpleNamespace(
        rows=len(sizes) + nulls,
        nulls=nulls,
        total=sizes.sum(),
        total_squares=np.square(sizes).sum(),
        fine=fine,
    )


def test_loss_models_give_the_mean_with_their_noise_and_that_of_nights() -> None:
    random = np.random.default_rng(3)
    sizes, squares = random.gamma(3, 2, 400), random.gamma(2, 9, 400)
    absolute, squared = predicted_losses(sizes, 5), predicted_losses(squares)
    noise = dict(zip(LOSSES, (0.4, 1.3), strict=True))
    differ = NightEffects(0.5, 0.01, 0.002, 0.003, 60)

    def estimated(effects: dict[str, NightEffects]) -> dict[str, Any]:
        return regression.estimate_from_features(absolute, squared, noise, 900, 0.95, effects)

    alike = estimated(dict.fromkeys(LOSSES, ALIKE))
    found = estimated(dict.fromkeys(LOSSES, differ))
    for name, each, value, slope, loss in (
        ("mae", sizes, sizes.mean(), 1.0, LOSSES[0]),
        ("rmse", squares, squares.mean() ** 0.5, 2 * squares.mean() ** 0.5, LOSSES[1]),
    ):
        own = 1.959964 / slope
        own *= (noise[loss] * np.square(each).mean() * (1 / 400 + 1 / 900)) ** 0.5
        assert alike[name].value == found[name].value == pytest.approx(value)
        assert alike[name].high - value == pytest.approx(own)
        assert value - alike[name].low == pytest.approx(own)
        means = np.sort(each).reshape(-1, 2).mean(axis=1)
        reach = differ.reach(log_loss_size(means), 2 * means / 400, 0.95) / slope
        assert found[name].high - value == pytest.approx(np.hypot(own, reach))
    unknown = estimated({LOSSES[0]: ALIKE})
    assert unknown["mae"] == alike["mae"]
    assert unknown["rmse"].low is None and "3 reference nights" in str(unknown["rmse"].why)


def test_a_single_row_of_a_fine_cell_moves_with_the_night_as_two_do() -> None:
    sizes = np.array([1.0, 3.0, 9.0])
    one, two = predicted_losses(sizes, each=1), predicted_losses(np.repeat(sizes, 2))
    differ = dict.fromkeys(LOSSES, NightEffects(0.5, 0.01, 0.002, 0.003, 60))
    quiet = dict.fromkeys(LOSSES, 0.0)
    for found, again in zip(
        *(
            regression.estimate_from_features(c, c, quiet, 9, 0.95, differ).values()
            for c in (one, two)
        ),
        strict=True,
    ):
        assert found.high == pytest.approx(again.high) and found.high > found.value + 0.1


def test_loss_models_of_no_rows_and_of_no_loss() -> None:
    none, zero = predicted_losses(np.zeros(0), 3), predicted_losses(np.zeros(4))
    noise, effects = dict.fromkeys(LOSSES, 0.4), dict.fromkeys(LOSSES, ALIKE)
    found = regression.estimate_from_features(none, zero, noise, 900, 0.95, effects)
    assert found["mae"].why == "no rows" and found["mae"].value is None
    assert (found["rmse"].value, found["rmse"].low, found["rmse"].high) == (0, 0, 0)
