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

import math
from collections.abc import Mapping

import numpy as np

from assay.metrics.evaluator import FEWEST, NO_NUMBER, Floats
from assay.metrics.influence import Influence
from assay.metrics.skill import compute_skill, skill_influence
from assay.project.text import counted

SHARE = 0.9
_ROUNDING = 1e-12


def is_valid_input(truth: Floats, predicted: Floats) -> bool:
    """Whether there are rows, each with a finite label and a finite prediction."""
    return bool(len(truth) and np.isfinite(truth).all() and np.isfinite(predicted).all())


class RegressionEvaluator:
    """Rows with their labels and predictions.

    Parameters
    ----------
    truth, predicted
        Of shape (n,).
    """

    def __init__(self, truth: Floats, predicted: Floats) -> None:
        self._truth, self._error = truth, predicted - truth

    def why(self, name: str) -> str:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        return "every row has the same label" if name in ("r2", "mae_skill") else NO_NUMBER

    def few(self, name: str) -> str | None:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        rows = len(self._error)
        return f"{counted(rows, 'row')}, fewer than {FEWEST}" if rows < FEWEST else None

    @property
    def rarest(self) -> int:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        return len(self._error)

    def metrics(self) -> dict[str, float]:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        truth, error, size = self._truth, self._error, np.abs(self._error)
        with np.errstate(over="ignore"):
            square = float(np.square(error).mean())
        constant = float(np.abs(truth - np.median(truth)).mean())
        return {
            "rmse": math.sqrt(square),
            "mae": float(size.mean()),
            "mae_skill": compute_skill(float(size.mean()), constant),
            "p90_error": float(np.quantile(size, SHARE, method="inverted_cdf")),
            "bias": float(error.mean()),
            "r2": self._r2(square),
        }

    def influences(self) -> Mapping[str, Influence]:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        truth, error = self._truth, self._error
        square, size = np.square(error), np.abs(error)
        spread = np.square(truth - truth.mean())
        mean, variance = square.mean(), spread.mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "rmse": Influence((square - mean) / (2 * np.sqrt(mean))),
                "mae": Influence(size - size.mean()),
                "mae_skill": skill_influence(size, np.abs(truth - np.median(truth))),
                "bias": Influence(error - error.mean()),
                "r2": Influence((mean * spread / variance - square) / variance),
            }

    def _r2(self, square: float) -> float:
        # Centred labels avoid cancellation in the sum of squares.
        centred = self._truth - self._truth.mean()
        with np.errstate(over="ignore"):
            spread = np.square(centred).mean()
            variance = spread - np.square(centred.mean())
            r2 = float(1 - square / variance) if variance > _ROUNDING * spread else math.nan
        # Infinite if labels differ by less than numbers can tell.
        return r2 if math.isfinite(r2) else math.nan
