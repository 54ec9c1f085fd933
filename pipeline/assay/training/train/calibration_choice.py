"""Chooses a candidate's calibration by its loss on rows it was not fitted on.

A calibration always looks good on the rows it was fitted on, a step function most of all. So each
block of days is calibrated by a fit to the out-of-fold scores of the other blocks, and the log loss
over all blocks decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.metrics.evaluator import CLIP
from assay.project.tasks import Task
from assay.training.train.calibrate import cross_calibrate

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
