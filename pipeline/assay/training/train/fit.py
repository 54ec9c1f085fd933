"""Fits a calibrated model on the training rows, with out-of-fold scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import CategoryColumn, FrameFeatures
from assay.contract.definition import Contract
from assay.metrics.label_encoding import encode_labels, label_classes
from assay.metrics.labelled_scores import LabelledScores
from assay.model import model, prediction
from assay.project.params import Train
from assay.project.tasks import Task
from assay.training.train.calibrate import fit_calibrator, out_of_fold_scores
from assay.training.train.calibration_choice import CalibrationChoice, choose_calibration
from assay.training.train.days import assign_folds
from assay.training.train.nested import fit_clone

if TYPE_CHECKING:
    import pandas as pd


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
    days
        The day of each row.
    rows
        Its features, its scores under their names in the reference, and its label.
    chosen
        The settings that a search among the estimators chose; empty without one.
    """

    model: model.Model
    calibration: CalibrationChoice
    scored: LabelledScores
    days: pd.Series[str]
    rows: pd.DataFrame
    chosen: Mapping[str, Any]


@dataclass(frozen=True)
class TrainingRows:
    """The training table as an estimator gets it; all of n rows.

    Parameters
    ----------
    features
        In the form of `assay.model.model.feature_frame`.
    truth
        As in `assay.metrics.labelled_scores.LabelledScores`.
    target
        What an estimator is fitted to: names of classes, so that arguments such as class_weight can
        use them, or ``truth``.
    classes
        Of a multiclass model, else empty.
    days
        The day of each row.
    """

    task: Task
    features: pd.DataFrame
    truth: NDArray[Any]
    target: NDArray[Any]
    classes: tuple[str, ...]
    days: pd.Series[str]


def training_rows(contract: Contract, task: Task, frame: pd.DataFrame) -> TrainingRows:
    """The rows of a table in the form of `assay.contract.columns.to_frame`.

    Raises
    ------
    LabelError
        The label is not usable.
    """
    label = frame[contract.label]
    classes = label_classes(label) if task == "multiclass" else ()
    truth = encode_labels(label, task, classes, "train")
    target = np.array(classes, dtype=object)[truth] if task == "multiclass" else truth
    features = model.feature_frame(FrameFeatures(frame), contract.numeric, contract.categorical)
    days = frame[contract.time].dt.strftime("%Y-%m-%d")
    return TrainingRows(task, features, truth, target, classes, days)


def fit(
    pipeline: Any,
    contract: Contract,
    rows: TrainingRows,
    settings: Train,
    progress: Callable[[int, int], None],
) -> FittedModel:
    """Score out of fold, calibrate, and fit once more on all rows.

    Parameters
    ----------
    pipeline
        Unfitted.
    progress
        Called with the number of folds done, and the number of all folds.
    """
    task, features, target = rows.task, rows.features, rows.target
    day = rows.days.to_numpy()
    block = assign_folds(day, settings.folds)
    raw = out_of_fold_scores(task, pipeline, features, target, block, progress, day)
    calibration = choose_calibration(task, settings.calibration, raw, rows.truth, block)
    calibrator = fit_calibrator(task, calibration.method, raw, rows.truth)
    scored = LabelledScores(
        task, rows.truth, model.calibrate(task, calibrator, raw), rows.classes, settings.threshold
    )
    fitted = fit_clone(pipeline, features, target, day)
    return FittedModel(
        model.Model(fitted.pipeline, calibrator, contract.numeric, contract.categorical, task),
        calibration,
        scored,
        rows.days,
        features.assign(**_columns(scored), **{contract.label: target}),
        fitted.chosen,
    )


def _columns(scored: LabelledScores) -> dict[str, NDArray[Any]]:
    found = prediction.profiled_scores(scored.task, scored.classes, scored.scores)
    return {
        name: model.decode_categories(values) if isinstance(values, CategoryColumn) else values
        for name, values in found.items()
    }
