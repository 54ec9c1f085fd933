"""Out-of-fold scores, and the calibration fitted on them.

The training window is cut into blocks of whole, consecutive days. Each block is scored by an
estimator fitted on the other blocks, so that no day helps to score itself. Shuffled folds would not
do, because rows of one day are too alike in weather and delays. The final estimator is fitted on
all blocks. scikit-learn calls this cross-fitting with ``ensemble=False``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.compiled.fitted_model import calibrate, log_odds, raw_scores
from assay.errors import LabelError
from assay.project.tasks import Task
from assay.training.candidates.nested import fit_clone

if TYPE_CHECKING:
    import pandas as pd


Look: TypeAlias = "Callable[[Any, pd.DataFrame, NDArray[np.bool_]], None]"


def out_of_fold_scores(
    task: Task,
    pipeline: Any,
    features: pd.DataFrame,
    label: NDArray[Any],
    block: NDArray[np.int64],
    progress: Callable[[int, int], None],
    days: NDArray[Any] | None = None,
    weights: Floats | None = None,
    look: Look | None = None,
) -> Floats:
    """Uncalibrated scores of each row from an estimator that was not fitted on its block.

    Parameters
    ----------
    days
        The day of each row, which a search's folds keep whole; by default the blocks do as days.
    weights
        How much each row counts in fitting; None if all count alike.
    look
        Called with each block's estimator, all features and which rows it was not fitted on.

    Raises
    ------
    LabelError
        A class occurs in one block only.
    """
    whole = block if days is None else days
    classes = [] if task == "regression" else sorted(set(label.tolist()))
    scores = np.full((len(label), len(classes)) if task == "multiclass" else len(label), np.nan)
    folds = int(block.max()) + 1
    for number in range(folds):
        unseen = block == number
        gone = sorted(set(classes) - set(label[~unseen].tolist()))
        if gone:
            raise LabelError(
                f"without fold {number + 1} of {folds} {_without(task, gone)}",
                where="params.yaml: train.folds",
                fix="Use fewer folds or a longer training window.",
            )
        weighted = None if weights is None else weights[~unseen]
        fitted = fit_clone(pipeline, features[~unseen], label[~unseen], whole[~unseen], weighted)
        scores[unseen] = raw_scores(task, fitted.pipeline, features[unseen])
        if look is not None:
            look(fitted.pipeline, features, unseen)
        progress(number + 1, folds)
    return scores


def _without(task: Task, gone: list[Any]) -> str:
    if task == "binary":
        return "the label has one class only"
    return f"no row is of class {', '.join(gone)}"


def fit_calibrator(task: Task, method: str, raw: Floats, truth: NDArray[Any]) -> Any:
    """Fits a calibrator that turns an estimator's scores into calibrated probabilities.

    Parameters
    ----------
    method
        ``sigmoid`` is a logistic regression on the log odds (Platt 1999, "Probabilistic outputs for
        support vector machines"), ``isotonic`` a monotone step function (Zadrozny and Elkan 2002,
        "Transforming classifier scores into accurate multiclass probability estimates"), ``none``
        leaves scores as they are.
    raw
        Out-of-fold scores in the shape of the task.
    truth
        As in `assay.metrics.labelled_scores.LabelledScores`.

    Returns
    -------
    Any
        For `assay.compiled.fitted_model.Model`: with several classes a calibrator of each class
        against the rest. None for a regression, whose scores are not probabilities.
    """
    if task == "regression" or method == "none":
        return None
    if task == "binary":
        return _one_calibrator(method, raw, truth)
    return [_one_calibrator(method, raw[:, place], truth == place) for place in range(raw.shape[1])]


def cross_calibrate(
    task: Task, method: str, raw: Floats, truth: NDArray[Any], block: NDArray[np.int64]
) -> Floats:
    """The out-of-fold scores of each block, calibrated by a fit to the other blocks."""
    scores = np.empty_like(raw)
    for number in np.unique(block):
        unseen = block == number
        calibrator = fit_calibrator(task, method, raw[~unseen], truth[~unseen])
        scores[unseen] = calibrate(task, calibrator, raw[unseen])
    return scores


def _one_calibrator(method: str, raw: Floats, label: NDArray[np.bool_]) -> Any:
    if method == "sigmoid":
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=1e10).fit(log_odds(raw), label)
        # A slope can be negative if scores carry no information, as a baseline's do. It would
        # reverse their order, which is worse than no calibration.
        return fitted if fitted.coef_[0, 0] > 0 else None
    from sklearn.isotonic import IsotonicRegression

    # One imagined row of the other class at each end, as in Laplace's rule of succession (V. Vovk,
    # I. Petej and V. Fedorova, "Large-scale probabilistic predictors", 2015, regularize alike). The
    # outermost steps have few rows, often of one class: a step at 0 would call the next positive
    # there impossible, and one such row in 40,000 decides a log loss.
    scores = np.append(raw, [raw.min(), raw.max()])
    labels = np.append(label, [True, False])
    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels)
