"""What the metrics of all tasks share.

Each metric equals scikit-learn's, except that a metric without a value is NaN, never 0 or 1.
scikit-learn's ``zero_division`` and its average precision of 1 without negatives would pass a gate.
"""

from __future__ import annotations

from typing import TypeAlias

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


def calibration_bins(p: Floats) -> Ints:
    """The calibration bin of each row, ``(n,)``; 0 is the lowest.

    Edges are probabilities that occur, and equal probabilities share a bin, so a model with few
    distinct outputs has fewer bins.
    """
    edges = np.unique(np.quantile(p, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    return np.searchsorted(edges, p, side="left")


def calibration_error(p: Floats, right: Bools) -> float:
    """The sum of the bins' absolute gaps, chance included (`assay.metrics.calibration`)."""
    return float(np.abs(np.bincount(calibration_bins(p), p - right)).sum() / len(p))
