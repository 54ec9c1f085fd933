"""The constant that training's labels say, and what always saying it would lose on a night.

A night's own best constant knows how many positives the night has, which nobody could know before.
So where nights differ, a healthy model has no skill on many of them. Training's constant was known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.grid import NumberGrid
from assay.columns.profile import ReferenceColumn
from assay.metrics.evaluator import Floats
from assay.project.tasks import Task

CONSTANT_LOSS = "constant_loss"
"""Metric name in the performance table: a Brier score, of a regression a mean absolute error."""

Constant = float | Floats | None
"""The share of positives, the shares ``(classes,)``, or the median; None if it is not known."""


def learn(task: Task, label: ReferenceColumn | None) -> Constant:
    """The constant of the reference's labels; None if they were not counted."""
    if label is None or not sum(label.profile.counts):
        return None
    counts = np.asarray(label.profile.counts, dtype=np.float64)
    if task == "regression":
        assert isinstance(label.grid, NumberGrid)
        bounds = np.array([label.profile.low, *label.grid.edges, label.profile.high], dtype=float)
        below = np.concatenate(([0.0], np.cumsum(counts))) / counts.sum()
        return float(np.interp(0.5, below, np.maximum.accumulate(bounds)))
    shares = counts[:-1] / counts.sum()  # the last cell counts what is no class
    return float(shares[1]) if task == "binary" else shares


def mean_loss(task: Task, truth: NDArray[Any], constant: float | Floats) -> float:
    """The mean loss of always saying ``constant``: Brier score, or mean absolute error.

    Parameters
    ----------
    truth
        ``(n,)``, as in `assay.metrics.labelled_scores.LabelledScores`; at least one row.
    """
    if task == "regression":
        return float(np.abs(truth - constant).mean())
    if task == "binary":
        return float(np.square(truth - constant).mean())
    shares = np.asarray(constant)
    return float((np.square(shares).sum() - 2 * shares[truth] + 1).mean())
