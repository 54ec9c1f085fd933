"""ROC and precision-recall curves of a binary classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd

from assay.metrics.evaluator import Bools, Floats, Ints

POINTS = 200
"""Maximum number of points of a curve."""


def roc_curve(positive: Bools, p: Floats) -> pd.DataFrame:
    """Columns ``fpr``, ``tpr`` and ``tpr_by_chance``, from (0, 0) to (1, 1).

    At most ``POINTS`` points of the full curve, evenly spaced along it.
    """
    true, called = _cumulative(positive, p)
    tpr = np.concatenate([[0.0], true / true[-1]])
    fpr = np.concatenate([[0.0], (called - true) / (called - true)[-1]])
    keep = _spread(fpr + tpr)
    return pd.DataFrame({"fpr": fpr[keep], "tpr": tpr[keep], "tpr_by_chance": fpr[keep]})


def precision_recall_curve(positive: Bools, p: Floats) -> pd.DataFrame:
    """Columns ``recall``, ``precision`` and ``precision_by_chance``, at most ``POINTS`` thresholds.

    The curve starts at the highest observed probability. There is no point at recall 0, because
    precision is undefined there.
    """
    true, called = _cumulative(positive, p)
    recall, precision = true / true[-1], true / called
    keep = _spread(recall + called / called[-1])
    share = np.full(len(keep), true[-1] / called[-1])
    return pd.DataFrame(
        {"recall": recall[keep], "precision": precision[keep], "precision_by_chance": share}
    )


def _cumulative(positive: Bools, p: Floats) -> tuple[Floats, Floats]:
    """True positives and predicted positives at each distinct probability, highest first."""
    order = np.argsort(-p, kind="stable")
    last = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))
    true = np.cumsum(positive[order])[last].astype(np.float64)
    return true, (last + 1).astype(np.float64)


def _spread(along: Floats) -> Ints:
    """Indices of at most ``POINTS`` points, evenly spaced in ``along``, with both ends."""
    if len(along) <= POINTS:
        return np.arange(len(along))
    targets = np.linspace(along[0], along[-1], POINTS)
    found = np.clip(np.searchsorted(along, targets), 0, len(along) - 1)
    found[0], found[-1] = 0, len(along) - 1
    return np.unique(found)
