"""From truths and scores to an evaluation; no file is read or written here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipeline import outcome
from pipeline.errors import LabelError, RunError
from pipeline.evaluate.bootstrap import estimates
from pipeline.evaluate.results import Evaluation
from pipeline.evaluate.slices import evaluate_slices
from pipeline.metrics.scored import Scored
from pipeline.metrics.table import Floats
from pipeline.metrics.truth import truth_of
from pipeline.params import Evaluate
from pipeline.tasks import Task

HOLDOUT = "holdout"


def evaluate(
    frame: pd.DataFrame, scored: Scored, slices: Sequence[str], settings: Evaluate, seed: int
) -> Evaluation:
    """Metrics with intervals, over all rows and in each slice.

    Parameters
    ----------
    frame
        The holdout, ``n`` rows, with the slice fields.
    scored
        The same rows' truths and scores, all of them valid.
    slices
        Columns to slice by.
    settings
        Resamples, confidence and the fewest rows of a slice.
    seed
        Of every random draw.

    Raises
    ------
    SchemaMismatch
        A slice field that the holdout lacks.
    """
    metrics = estimates(
        scored.table(),
        replicates=settings.replicates,
        confidence=settings.confidence,
        seed=seed,
    )
    return Evaluation(
        task=scored.task,
        rows=len(scored),
        positives=scored.positives,
        threshold=scored.threshold if scored.task == "binary" else None,
        confidence=settings.confidence,
        replicates=settings.replicates,
        metrics=metrics,
        slices=evaluate_slices(frame, scored, slices, settings, seed),
    )


def labels(frame: pd.DataFrame, label: str, task: Task, classes: tuple[str, ...]) -> NDArray[Any]:
    """The holdout's truths, as `pipeline.metrics.scored.Scored` has them.

    Raises
    ------
    LabelError
        No such column, no rows, a label that is missing or impossible, or one class only.
    """
    if label not in frame.columns:
        raise LabelError(
            "no such column",
            where=f"{HOLDOUT}, column {label!r}",
            mend="Check the contract's label",
        )
    return truth_of(frame[label], task, classes, HOLDOUT)


def scores_of(given: ArrayLike, rows: int, task: Task, classes: tuple[str, ...]) -> Floats:
    """Scores as float64, in the shape and the range of the task.

    Raises
    ------
    RunError
        Scores of another shape, or one that is no score.
    """
    scores = np.asarray(given, dtype=np.float64)
    many = task == "multiclass"
    shape = (rows, len(classes)) if many else (rows,)
    number = "number" if task == "regression" else "probability"
    if scores.shape != shape:
        raise RunError(
            f"the model did not give one {number} a row" + (" and class" if many else ""),
            expected=f"shape {shape}",
            found=str(scores.shape),
        )
    wrong = outcome.invalid(task, scores)
    if wrong.any():
        raise RunError(
            f"the model gave what is no {number}",
            expected="finite numbers" if task == "regression" else "numbers from 0 to 1",
            found=f"{scores[wrong][0]} and others, {int(wrong.sum())} of {rows} rows",
        )
    return scores
