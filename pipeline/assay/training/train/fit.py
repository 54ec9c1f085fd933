"""Fits a calibrated model on the training rows, with out-of-fold scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Coded, FrameFeatures
from assay.contract.model import Contract
from assay.metrics.scored import Scored
from assay.metrics.truth import classes_of, truth_of
from assay.model import model, outcome
from assay.project.params import Train
from assay.project.tasks import Task
from assay.training.train.calibrate import blocks, fit_calibrator, out_of_fold
from assay.training.train.choose_calibration import Choice, choose

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Fitted:
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
    """

    model: model.Model
    calibration: Choice
    scored: Scored
    days: pd.Series[str]
    rows: pd.DataFrame


def fit(
    pipeline: Any,
    contract: Contract,
    task: Task,
    frame: pd.DataFrame,
    settings: Train,
    progress: Callable[[int, int], None],
) -> Fitted:
    """Score out of fold, calibrate, and fit once more on all rows.

    Parameters
    ----------
    pipeline
        Unfitted.
    frame
        The training table in the form of `assay.contract.columns.to_frame`.
    progress
        Called with the number of folds done, and the number of all folds.
    """
    label = frame[contract.label]
    classes = classes_of(label) if task == "multiclass" else ()
    truth = truth_of(label, task, classes, "train")
    # Estimators see the names of classes, so that arguments such as class_weight can use them.
    target = np.array(classes, dtype=object)[truth] if task == "multiclass" else truth
    features = model.feature_frame(FrameFeatures(frame), contract.numeric, contract.categorical)
    days = frame[contract.time].dt.strftime("%Y-%m-%d")
    block = blocks(days.to_numpy(), settings.folds)
    raw = out_of_fold(task, pipeline, features, target, block, progress)
    calibration = choose(task, settings.calibration, raw, truth, block)
    calibrator = fit_calibrator(task, calibration.method, raw, truth)
    scored = Scored(
        task, truth, model.calibrated(task, calibrator, raw), classes, settings.threshold
    )
    fitted = pipeline.fit(features, target)
    return Fitted(
        model.Model(fitted, calibrator, contract.numeric, contract.categorical, task),
        calibration,
        scored,
        days,
        features.assign(**_columns(scored), **{contract.label: target}),
    )


def _columns(scored: Scored) -> dict[str, NDArray[Any]]:
    found = outcome.counted(scored.task, scored.classes, scored.scores)
    return {
        name: model.decoded(values) if isinstance(values, Coded) else values
        for name, values in found.items()
    }
