"""Fits a calibrated model on the training rows, with out-of-fold scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import CategoryColumn, Floats, FrameFeatures
from assay.compiled import fitted_model
from assay.contract.definition import Contract
from assay.errors import ContractBroken
from assay.metrics.evaluator import CLIP
from assay.metrics.label_encoding import encode_labels, label_classes
from assay.metrics.labelled_scores import LabelledScores
from assay.model import prediction
from assay.project import layout
from assay.project.params import Train
from assay.project.tasks import Task
from assay.project.text import counted
from assay.training.candidates.nested import assign_folds, fit_clone
from assay.training.train.calibrate import Look, cross_calibrate, fit_calibrator, out_of_fold_scores
from assay.training.train.learning import fit_learns

if TYPE_CHECKING:
    import pandas as pd


# ----------------------- chooses a candidate's calibration by its loss on rows it was not fitted on
# A calibration always looks good on the rows it was fitted on, a step function most of all. So
# each block of days is calibrated by a fit to the out-of-fold scores of the other blocks, and the
# log loss over all blocks decides.

AUTO = "auto"
METHODS = ("none", "sigmoid", "isotonic")
"""From the strongest to the weakest assumptions; of equal losses the first wins."""


@dataclass(frozen=True)
class CalibrationChoice:
    """A calibration, and the losses that it was chosen by.

    Attributes
    ----------
    method
        One of `METHODS`.
    losses
        The cross-fitted log loss of each method; empty if params.yaml names one, and for a
        regression, whose scores are not probabilities.
    """

    method: str
    losses: Mapping[str, float] = field(default_factory=dict)


def choose_calibration(
    task: Task, wanted: str, raw: Floats, truth: NDArray[Any], block: NDArray[np.int64]
) -> CalibrationChoice:
    """The calibration that ``train.calibration`` asks for.

    Parameters
    ----------
    wanted
        One of `METHODS`, or `AUTO` for the one with the lowest loss.
    raw
        Out-of-fold scores in the shape of the task.
    truth
        As in `assay.metrics.labelled_scores.LabelledScores`.
    block
        The block of days of each row (`assay.training.candidates.nested.assign_folds`).
    """
    if task == "regression":
        return CalibrationChoice("none")
    if wanted != AUTO:
        return CalibrationChoice(wanted)
    losses = {method: _loss(task, method, raw, truth, block) for method in METHODS}
    return CalibrationChoice(min(losses, key=lambda method: losses[method]), losses)


def _loss(
    task: Task, method: str, raw: Floats, truth: NDArray[Any], block: NDArray[np.int64]
) -> float:
    """Mean log loss, each block calibrated by the others."""
    scores = cross_calibrate(task, method, raw, truth, block)
    if task == "binary":
        given = np.where(truth, scores, 1 - scores)
    else:
        given = np.take_along_axis(scores, truth[:, None].astype(np.intp), axis=1)[:, 0]
    return float(-np.log(np.clip(given, CLIP, 1)).mean())


# -------------------------------------------------------------------------------------------------

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class FittedModel:
    """A fitted model and the rows it was fitted on.

    Parameters
    ----------
    model
        Fitted on all rows.
    calibration
        The chosen calibration.
    scored
        Truths and calibrated out-of-fold scores.
    unseen
        The same scores, each block of days calibrated by the others.
    days
        The day of each row.
    rows
        Its features, its scores under their names in the reference, and its label.
    chosen
        The settings that a search among the estimators chose; empty without one.
    learns
        Whether its ``fit`` learns (`assay.training.train.learning`). If not, no score is out of
        fold: it is not calibrated, and has no out-of-fold metrics.
    """

    model: fitted_model.Model
    calibration: CalibrationChoice
    scored: LabelledScores
    unseen: Floats
    days: pd.Series[str]
    rows: pd.DataFrame
    chosen: Mapping[str, Any]
    learns: bool


@dataclass(frozen=True)
class TrainingRows:
    """The training table as an estimator gets it; all of n rows.

    Parameters
    ----------
    features
        In the form of `assay.compiled.fitted_model.feature_frame`.
    truth
        As in `assay.metrics.labelled_scores.LabelledScores`.
    target
        What an estimator is fitted to: names of classes, so that arguments such as class_weight can
        use them, or ``truth``.
    classes
        Of a multiclass model, else empty.
    days
        The day of each row.
    weights
        How much each row counts when an estimator is fitted; None if all count alike.
    """

    task: Task
    features: pd.DataFrame
    truth: NDArray[Any]
    target: NDArray[Any]
    classes: tuple[str, ...]
    days: pd.Series[str]
    weights: Floats | None = None


def training_rows(contract: Contract, task: Task, frame: pd.DataFrame) -> TrainingRows:
    """The rows of a table in the form of `assay.contract.columns.to_frame`.

    Raises
    ------
    LabelError
        The label cannot be used.
    ContractBroken
        The weights cannot be used.
    """
    label = frame[contract.label]
    classes = label_classes(label) if task == "multiclass" else ()
    truth = encode_labels(label, task, classes, "train")
    target = np.array(classes, dtype=object)[truth] if task == "multiclass" else truth
    features = fitted_model.feature_frame(
        FrameFeatures(frame), contract.numeric, contract.categorical
    )
    days = frame[contract.time].dt.strftime("%Y-%m-%d")
    weights = None if contract.weight is None else _weights(frame[contract.weight])
    return TrainingRows(task, features, truth, target, classes, days, weights)


def find_valueless(rows: TrainingRows, folds: int) -> dict[str, str]:
    """Features without a value in rows that an estimator is fitted to, each with which rows.

    Parameters
    ----------
    folds
        What each fold leaves out, the estimator is not fitted to.
    """
    block = assign_folds(rows.days.to_numpy(), folds)
    valueless = {}
    for name in rows.features:
        filled = np.unique(block[rows.features[name].notna().to_numpy()])
        if not len(filled):
            valueless[str(name)] = "any training row"
        elif len(filled) == 1:
            valueless[str(name)] = f"any training row but those of fold {filled[0] + 1} of {folds}"
    return valueless


def find_immense(rows: TrainingRows) -> dict[str, float]:
    """Features with numbers beyond float32, which trees count in, each with the furthest.

    Beyond 1e154 their squares overflow in float64, too, and an estimator says that it found NaN.
    """
    immense = {}
    for name in rows.features.select_dtypes("number"):
        values = np.abs(rows.features[name].to_numpy(np.float64))
        furthest = float(np.max(values, where=np.isfinite(values), initial=0.0))
        if furthest > LARGEST_FLOAT32:
            immense[str(name)] = furthest
    return immense


def _weights(column: pd.Series[Any]) -> Floats:
    weights = column.to_numpy(dtype=np.float64)
    # Not weights < 0: NaN must be refused too.
    bad = weights[~(np.isfinite(weights) & (weights >= 0))]
    if len(bad) or not weights.any():
        raise ContractBroken(
            "a weight cannot be used" if len(bad) else "no row has a weight above 0",
            where=f"{layout.TRAIN_TABLE}, column '{column.name}'",
            expected="0 or more in each row, and above 0 in some",
            found=f"{bad[0]:g}, and {counted(len(bad), 'such row')}" if len(bad) else "0 in all",
            fix="Refuse such rows in the contract: pa.Field(ge=0, ...)",
        )
    return weights


def fit(
    pipeline: Any,
    contract: Contract,
    rows: TrainingRows,
    settings: Train,
    progress: Callable[[int, int], None],
    look: Look | None = None,
) -> FittedModel:
    """Score out of fold, calibrate, and fit once more on all rows.

    Weights reach the estimator alone. Calibration and metrics count each row once, so that
    probabilities are those of the rows as they come.

    Parameters
    ----------
    pipeline
        Unfitted.
    progress
        Called with the number of folds done, and the number of all folds.
    look
        As for `out_of_fold_scores`.
    """
    task, features, target, weights = rows.task, rows.features, rows.target, rows.weights
    day = rows.days.to_numpy()
    block = assign_folds(day, settings.folds)
    raw = out_of_fold_scores(task, pipeline, features, target, block, progress, day, weights, look)
    learns = fit_learns(task, pipeline, features, target, day, weights)
    wanted = settings.calibration if learns else "none"
    calibration = choose_calibration(task, wanted, raw, rows.truth, block)
    calibrator = fit_calibrator(task, calibration.method, raw, rows.truth)
    scored = LabelledScores(
        task,
        rows.truth,
        fitted_model.calibrate(task, calibrator, raw),
        rows.classes,
        settings.threshold,
    )
    fitted = fit_clone(pipeline, features, target, day, weights)
    # Beside the features, without a copy of them: they may be most of the memory.
    described = features.copy(deep=False)
    for name, column in {**_columns(scored), contract.label: target}.items():
        described[name] = column
    return FittedModel(
        fitted_model.Model(
            fitted.pipeline, calibrator, contract.numeric, contract.categorical, task
        ),
        calibration,
        scored,
        cross_calibrate(task, calibration.method, raw, rows.truth, block),
        rows.days,
        described,
        fitted.chosen,
        learns,
    )


def _columns(scored: LabelledScores) -> dict[str, NDArray[Any]]:
    scores = prediction.profiled_scores(scored.task, scored.classes, scored.scores)
    return {
        name: fitted_model.decode_categories(values)
        if isinstance(values, CategoryColumn)
        else values
        for name, values in scores.items()
    }
