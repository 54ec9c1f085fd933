"""Estimated errors of a regression: direct loss estimation (DLE), as NannyML calls it.

The reference's rows have labels and out-of-fold predictions, so their errors are known. The
bundle's loss models predict from all features how large a row's error will be
(`assay.training.train.estimate_errors`). A night's profile counts these predictions, and their mean
is the estimated error.

Errors also depend on the predicted value (long delays are harder than short ones), so they are
kept by cell of the prediction too. These give the bias, and all metrics if a bundle has no loss
models. Rows outside the reference's range of predictions get the errors of the nearest cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.columns.grid import NumberGrid
from assay.columns.night_effects import NightEffects, log_loss_size
from assay.columns.profile import ColumnProfile
from assay.model.prediction import LOSSES
from assay.performance.estimate.metric_estimate import (
    UNKNOWN_NIGHTS,
    MetricEstimate,
    interval,
    missing_estimate,
)

METRICS = ("rmse", "mae", "bias")

FEWEST = 30
"""Reference rows that a cell needs for an error estimate; smaller cells are joined with neighbours.
"""


@dataclass(frozen=True)
class Losses:
    """The reference's errors by cell; arrays of shape (cells of the grid,).

    Attributes
    ----------
    pool
        Which row of the other arrays holds a cell's errors; cells with too few rows share one.
    rows, means, variances
        Of ``(pools, 3)``: rows, mean and variance of the squared error, of the absolute
        error and of the error itself.
    """

    pool: NDArray[np.intp]
    rows: Floats
    means: Floats
    variances: Floats


def learn(truth: Floats, predicted: Floats, grid: NumberGrid) -> Losses | None:
    """The errors by cell of the prediction; None if there are fewer than `FEWEST` rows."""
    known = np.isfinite(truth) & np.isfinite(predicted)
    truth, predicted = truth[known], predicted[known]
    if len(truth) < FEWEST:
        return None
    cell = np.searchsorted(np.asarray(grid.edges), predicted, side="right")
    pool = _pools(np.bincount(cell, minlength=grid.cells))
    error = predicted - truth
    losses = np.column_stack([np.square(error), np.abs(error), error])
    of_row, pools = pool[cell], int(pool.max()) + 1
    rows = np.bincount(of_row, minlength=pools).astype(np.float64)
    means = np.column_stack([np.bincount(of_row, one, pools) for one in losses.T]) / rows[:, None]
    off = np.square(losses - means[of_row])
    spread = np.column_stack([np.bincount(of_row, one, pools) for one in off.T])
    return Losses(pool, rows, means, spread / (rows[:, None] - 1))


def _pools(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Join neighbouring cells, from the lowest up, until each pool has `FEWEST` rows."""
    pool, number, inside = np.zeros(len(counts), dtype=np.intp), 0, 0
    for cell, count in enumerate(counts):
        pool[cell] = number
        inside += int(count)
        if inside >= FEWEST:
            number, inside = number + 1, 0
    # The remaining cells at the top are too few for a pool of their own.
    pool[pool == number] = max(number - 1, 0)
    return pool


def estimate(
    losses: Losses | None, counts: Floats, confidence: float, effects: NightEffects | None
) -> dict[str, MetricEstimate]:
    """Every metric of `METRICS` for a night with these counts on the grid's cells.

    The interval covers the standard error of the reference's means and the variance of this night's
    own errors; that of the bias also how far nights lie from the reference's mean error.

    Parameters
    ----------
    effects
        Of the nights on the mean error; without them the bias has no interval.
    """
    total = float(counts.sum())
    if losses is None:
        why = f"fewer than {FEWEST} reference rows with label and prediction"
        return dict.fromkeys(METRICS, missing_estimate(why))
    if not total:
        return dict.fromkeys(METRICS, missing_estimate("no rows"))
    share = np.bincount(losses.pool, counts, len(losses.rows)) / total
    means = share @ losses.means
    learnt = np.square(share) @ (losses.variances / losses.rows[:, None])
    own = share @ losses.variances / total
    estimates = {}
    for place, name in enumerate(METRICS):
        value, labels = float(means[place]), float(learnt[place] + own[place])
        if name == "rmse":
            # Delta method: from the variance of the mean square to that of its root.
            labels = labels / (4 * value) if value else 0.0
            value = math.sqrt(value)
        low, high = interval(name, value, math.sqrt(labels), confidence)
        estimates[name] = MetricEstimate(value, low, high)
    if effects is None:
        return estimates | {"bias": estimates["bias"].without_interval(UNKNOWN_NIGHTS)}
    reach = effects.reach(np.zeros(1), np.ones(1), confidence)
    return estimates | {"bias": estimates["bias"].widened("bias", reach)}


def estimate_from_features(
    absolute: ColumnProfile,
    squared: ColumnProfile,
    noise: Mapping[str, float],
    rows: int,
    confidence: float,
    effects: Mapping[str, NightEffects],
) -> dict[str, MetricEstimate]:
    """MAE and RMSE from the loss models' predictions for each row.

    A row's loss differs from its prediction as much as it did out of fold, in proportion to its
    size. The interval covers that noise on the night's rows and on the rows that the models were
    fitted on, and how far the reference's nights lay from what models of other nights expected.

    Parameters
    ----------
    absolute, squared
        Counts of the predicted losses.
    noise
        Mean squared difference of a loss from its prediction, as a multiple of the prediction's
        mean square: by the names in `assay.model.prediction.LOSSES`.
    rows
        Reference rows that the models were fitted on.
    effects
        Of the nights on each loss; a metric without them has no interval.
    """
    estimates = {}
    for name, column, loss in zip(("mae", "rmse"), (absolute, squared), LOSSES, strict=True):
        counted = column.rows - column.nulls
        if not counted:
            estimates[name] = missing_estimate("no rows")
            continue
        mean, square = column.total / counted, column.total_squares / counted
        labels = noise[loss] * square * (1 / counted + 1 / rows)
        value = mean
        if name == "rmse":
            # Delta method: from the variance of the mean square to that of its root.
            labels = labels / (4 * mean) if mean else 0.0
            value = math.sqrt(mean)
        low, high = interval(name, value, math.sqrt(labels), confidence)
        estimates[name] = MetricEstimate(value, low, high).without_interval(
            None if loss in effects else UNKNOWN_NIGHTS
        )
        if loss in effects:
            reach = _night_reach(column, effects[loss], confidence)
            reach /= 2 * value if name == "rmse" and value else 1.0
            estimates[name] = estimates[name].widened(name, reach)
    return estimates


def _night_reach(column: ColumnProfile, effects: NightEffects, confidence: float) -> float:
    """Half the width of the interval of what nights change in the mean loss."""
    used = column.fine.counts > 0
    sums = column.fine.sums[used]
    places = log_loss_size(sums / column.fine.counts[used])
    return effects.reach(places, sums / column.fine.counts.sum(), confidence)
