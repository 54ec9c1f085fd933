"""The six metrics of a regression; an error is the prediction minus the truth.

=============  =======================================================================
``rmse``       root of the mean squared error, in the unit of the label
``mae``        mean absolute error, in the unit of the label
``mae_skill``  the share of the mean absolute error of always saying the rows' own median
               that the model saves (`assay.metrics.skill`)
``p90_error``  90th percentile of the absolute errors: the smallest absolute error that
               at least nine in ten rows do not exceed
``bias``       mean error, above 0 if predictions are too high
``r2``         share of the label's variance that is explained; 0 for always predicting
               the mean, below 0 if worse than that
=============  =======================================================================
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.metrics.evaluator import FEWEST, NO_NUMBER, Floats, Ints, row_dot
from assay.metrics.skill import compute_skill
from assay.project.text import counted

SHARE = 0.9
_ROUNDING = 1e-12


def is_valid_input(truth: Floats, predicted: Floats) -> bool:
    """Whether there are rows, each with a finite label and a finite prediction."""
    return bool(len(truth) and np.isfinite(truth).all() and np.isfinite(predicted).all())


class RegressionEvaluator:
    """Rows sorted by absolute error.

    Parameters
    ----------
    truth, predicted
        Of shape (n,).

    Attributes
    ----------
    strata
        Row numbers in that order.
    """

    def __init__(self, truth: Floats, predicted: Floats) -> None:
        error = predicted - truth
        order = np.argsort(np.abs(error), kind="stable")
        self.strata: tuple[Ints] = (order,)
        error = error[order]
        # Centred labels avoid cancellation in the sum of squares.
        centred = truth[order] - truth.mean()
        self._size = np.abs(error)
        self._by_truth = np.argsort(centred, kind="stable")
        self._ascending = centred[self._by_truth]
        self._per_row = np.column_stack(
            [error, self._size, np.square(error), centred, np.square(centred)]
        )

    def why(self, name: str) -> str:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        return "every row has the same label" if name in ("r2", "mae_skill") else NO_NUMBER

    def few(self, name: str) -> str | None:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        rows = len(self._size)
        return f"{counted(rows, 'row')}, fewer than {FEWEST}" if rows < FEWEST else None

    @property
    def rarest(self) -> int:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        return len(self._size)

    def metrics(self, *weights: Floats) -> Mapping[str, Floats]:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        (weight,) = weights
        total = weight.sum(axis=1)
        with np.errstate(over="ignore"):
            means = weight @ self._per_row / total[:, None]
            error, size, square, centre, spread = means.T
            variance = spread - np.square(centre)
            known = variance > _ROUNDING * spread
            r2 = np.where(known, 1 - square / np.where(known, variance, 1), np.nan)
            r2[np.isinf(r2)] = np.nan  # labels that differ by less than numbers can tell
        return {
            "rmse": np.sqrt(square),
            "mae": size,
            "mae_skill": compute_skill(size, self._distance_from_median(weight, total)),
            "p90_error": self._quantile(weight, total),
            "bias": error,
            "r2": r2,
        }

    def _distance_from_median(self, weight: Floats, total: Floats) -> Floats:
        """The mean distance of the labels from their median under each weighting, ``(r,)``."""
        weight = np.take(weight, self._by_truth, axis=1)
        below = np.cumsum(weight, axis=1) < (total / 2)[:, None]
        median = self._ascending[below.sum(axis=1)]
        return row_dot(weight, np.abs(self._ascending - median[:, None])) / total

    def _quantile(self, weight: Floats, total: Floats) -> Floats:
        below = np.cumsum(weight, axis=1) < (SHARE * total)[:, None]
        found: Floats = self._size[below.sum(axis=1)]
        return found
