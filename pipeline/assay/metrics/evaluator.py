"""What the metrics of all tasks share.

Rows are sorted once. After that, evaluating one weighting of the rows costs a few sums.

Each metric equals scikit-learn's, except that a metric without a value is NaN, never 0 or 1.
scikit-learn's ``zero_division`` and its average precision of 1 without negatives would pass a gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Bools: TypeAlias = NDArray[np.bool_]

CLIP = float(np.finfo(np.float64).eps)
"""log_loss clips probabilities to CLIP (2.2e-16) and 1 - CLIP, as scikit-learn does."""

BINS = 10
"""Bins of the calibration error, of equal count up to ties."""

FEWEST = 10
"""Least rows of each label for an interval. With fewer, their variance is known too badly, and rows
that happen to be alike would give an interval that looks certain."""

NO_NUMBER = "it came out as not a number"
"""Reason for a missing value when no rows or labels are missing."""


class MetricEvaluator(Protocol):
    """Rows with truth and score, ready to be measured under any weights."""

    @property
    def strata(self) -> tuple[Ints, ...]:
        """Row numbers in the order in which weights are given; every row is in one stratum."""
        ...

    def metrics(self, *weights: Floats) -> Mapping[str, Floats]:
        """Every metric of the task under each of ``r`` weightings.

        Parameters
        ----------
        *weights
            For each stratum ``(r, rows in it)``, in its order.

        Returns
        -------
        Mapping
            By name ``(r,)``, NaN if a metric has no value.
        """
        ...

    def why(self, name: str) -> str:
        """Reason why a metric has no value in these rows, in words."""
        ...

    def few(self, name: str) -> str | None:
        """Reason why there are too few rows for an interval of a metric; else None."""
        ...

    @property
    def rarest(self) -> int:
        """Number of rows of the rarest label that occurs; for a regression, of all rows."""
        ...


def compute_metrics(table: MetricEvaluator) -> dict[str, float]:
    """Every metric of the rows with equal weights."""
    weights = (np.ones((1, len(rows))) for rows in table.strata)
    return {name: float(found[0]) for name, found in table.metrics(*weights).items()}


def calibration_edges(p: Floats) -> Floats:
    """Upper edges ``(<= BINS - 1,)`` of all calibration bins but the last, ascending.

    Edges are probabilities that occur, and equal probabilities share a bin, so a model with few
    distinct outputs has fewer bins. Edges depend only on the probabilities, never on the weights.
    """
    return np.unique(np.quantile(p, np.arange(1, BINS) / BINS, method="inverted_cdf"))


def calibration_bins(p: Floats) -> Ints:
    """The calibration bin of each row, ``(n,)``; 0 is the lowest."""
    return np.searchsorted(calibration_edges(p), p, side="left")


def cumulative_weights(weight: Floats) -> Floats:
    """Cumulative weights: column k is the weight of the first k rows."""
    sums = np.zeros((weight.shape[0], weight.shape[1] + 1))
    np.cumsum(weight, axis=1, out=sums[:, 1:])
    return sums


def row_dot(left: Floats, right: Floats) -> Floats:
    """The dot product of each row of ``left`` with that of ``right``, ``(r,)``."""
    result: Floats = np.einsum("rn,rn->r", left, right)
    return result
