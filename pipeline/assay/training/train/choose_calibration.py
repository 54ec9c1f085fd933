"""Which calibration a candidate gets: the one that serves rows it was not fitted on best.

A calibration that is judged on the rows it was fitted on always looks good, a step function most
of all. So each block of days is calibrated by what the out-of-fold scores of the other blocks
taught, and the log loss of all blocks together decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats
from assay.metrics.table import CLIP
from assay.model import model
from assay.project.tasks import Task
from assay.training.train.calibrate import fit_calibrator

AUTO = "auto"
METHODS = ("none", "sigmoid", "isotonic")
"""From the one that assumes most to the one that follows the data most closely; of equal losses
the first wins."""


@dataclass(frozen=True)
class Choice:
    """A calibration, and why it was taken.

    Attributes
    ----------
    method
        One of `METHODS`.
    losses
        The cross-fitted log loss with each method; empty if params.yaml named one, and of a
        regression, whose scores are no probabilities.
    """

    method: str
    losses: Mapping[str, float] = field(default_factory=dict)


def choose(
    task: Task, wanted: str, raw: Floats, truth: NDArray[Any], block: NDArray[np.int64]
) -> Choice:
    """The calibration that ``train.calibration`` asks for.

    Parameters
    ----------
    wanted
        One of `METHODS`, or `AUTO` for the one with the lowest loss.
    raw
        Out-of-fold scores in the shape of the task.
    truth
        As `assay.metrics.scored.Scored` has it.
    block
        The block of days of each row (`assay.training.train.calibrate.blocks`).
    """
    if task == "regression":
        return Choice("none")
    if wanted != AUTO:
        return Choice(wanted)
    losses = {method: _loss(task, method, raw, truth, block) for method in METHODS}
    return Choice(min(losses, key=lambda method: losses[method]), losses)


def _loss(
    task: Task, method: str, raw: Floats, truth: NDArray[Any], block: NDArray[np.int64]
) -> float:
    """Mean log loss, each block calibrated by the others."""
    scores = np.empty_like(raw)
    for number in np.unique(block):
        unseen = block == number
        calibrator = fit_calibrator(task, method, raw[~unseen], truth[~unseen])
        scores[unseen] = model.calibrated(task, calibrator, raw[unseen])
    if task == "binary":
        given = np.where(truth, scores, 1 - scores)
    else:
        given = np.take_along_axis(scores, truth[:, None].astype(np.intp), axis=1)[:, 0]
    return float(-np.log(np.clip(given, CLIP, 1)).mean())
