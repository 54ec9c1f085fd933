"""Whether a candidate's ``fit`` learns from the rows that it gets.

A saved model behind a class, or coefficients that were agreed on elsewhere, may have been fitted on
all rows before. Then no score of the training window is out of fold, whatever is left out, and the
candidate would win the selection, and be calibrated, on rows that it knows by heart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.compiled.fitted_model import raw_scores
from assay.project.tasks import Task
from assay.training.candidates.nested import fit_clone

if TYPE_CHECKING:
    import pandas as pd

ROWS = 500
"""That it is tried on: as many of each class, if there are."""

SAME = 1e-9
"""Of the scores' range. Shuffled columns have the same mean but for the order of its sum."""

FEW = 0.01
"""Share of rows that may have another score: those that lie on the threshold of a tree."""


def fit_learns(
    task: Task,
    pipeline: Any,
    features: pd.DataFrame,
    target: NDArray[Any],
    days: NDArray[Any],
    weights: Floats | None = None,
) -> bool:
    """Whether another table makes another model.

    It is fitted twice: to some of the rows, and to the same with each column, and the labels,
    shuffled by itself. What is learnt of one column alone, as a scale or an order of categories,
    stays as it was, and all that it says about the label is lost.

    Parameters
    ----------
    pipeline
        Unfitted.
    features, target, days, weights
        As for `assay.training.candidates.nested.fit_clone`.

    Returns
    -------
    bool
        True also if all scores are alike, which know no row, and if either fit fails.
    """
    places = _some(task, target)
    rows, labels, of = features.iloc[places], target[places], days[places]
    weighted = None if weights is None else weights[places]
    random = np.random.default_rng(0)
    mixed = rows.copy()
    for name in mixed:
        mixed[name] = mixed[name].to_numpy()[random.permutation(len(mixed))]
    scores: list[Floats] = []
    for table, truth in ((rows, labels), (mixed, random.permutation(labels))):
        try:
            fitted = fit_clone(pipeline, table, truth, of, weighted)
            scores.append(raw_scores(task, fitted.pipeline, rows))
        except MemoryError:
            raise
        except Exception:  # an estimator may raise anything; the fits that count say what
            return True
    spread = float(np.ptp(scores[0], axis=0).max())
    differ = np.abs(scores[1] - scores[0]).reshape(len(rows), -1).max(axis=1) > SAME * spread
    return not spread > 0 or float(differ.mean()) > FEW


def _some(task: Task, target: NDArray[Any]) -> NDArray[np.int64]:
    """Places of rows from all of the table, sorted."""
    if task == "regression":
        return _spread(np.arange(len(target)), ROWS)
    classes, code = np.unique(target, return_inverse=True)
    each = max(ROWS // len(classes), 1)
    return np.sort(
        np.concatenate([_spread(np.flatnonzero(code == n), each) for n in range(len(classes))])
    )


def _spread(places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return places[np.unique(np.linspace(0, len(places) - 1, count).astype(np.int64))]
