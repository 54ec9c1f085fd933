"""Plot data of a multiclass classifier: confidence and metrics by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.metrics.evaluator import Bools, Floats, Ints


def top_class_confidence(truth: Ints, p: Floats) -> tuple[Floats, Bools]:
    """Probability of each row's predicted class, and whether the prediction is right."""
    best = np.argmax(p, axis=1)
    return p[np.arange(len(p)), best], best == truth


def class_metrics(counts: NDArray[np.int64], names: Sequence[str]) -> pd.DataFrame:
    """One row per class: ``rows``, ``predicted``, ``precision``, ``recall`` and ``f1``.

    An undefined value (0/0) is NaN, which is an empty cell in the CSV.

    Parameters
    ----------
    counts
        Confusion matrix: actual by predicted class.
    names
        The classes.
    """
    right, rows, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(
            {
                "class": list(names),
                "rows": rows,
                "predicted": predicted,
                "precision": right / predicted,
                "recall": right / rows,
                "f1": 2 * right / (rows + predicted),
            }
        )
