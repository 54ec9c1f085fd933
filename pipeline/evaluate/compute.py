"""From labels and probabilities to an evaluation; no file is read or written here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import LabelError, RunError
from pipeline.evaluate.bootstrap import estimates
from pipeline.evaluate.results import Evaluation
from pipeline.evaluate.slices import evaluate_slices
from pipeline.metrics import Floats
from pipeline.params import Evaluate


def evaluate(
    frame: pd.DataFrame,
    label: str,
    probability: ArrayLike,
    threshold: float,
    slices: Sequence[str],
    settings: Evaluate,
    seed: int,
) -> Evaluation:
    """Metrics with intervals, over all rows and in each slice.

    Parameters
    ----------
    frame
        The holdout, ``n`` rows, with the label and the slice fields.
    label
        The label's column: booleans, or numbers 0 and 1.
    probability
        Probability of the positive class ``(n,)``.
    threshold
        A row is predicted positive at or above it.
    slices
        Columns to slice by.
    settings
        Resamples, confidence and the fewest rows of a slice.
    seed
        Of every random draw.

    Raises
    ------
    LabelError
        No rows, a label that is missing or neither 0 nor 1, or one class only.
    RunError
        Probabilities of another number than rows, not finite, or outside 0 to 1.
    SchemaMismatch
        A slice field that the holdout lacks.
    """
    positive = labels(frame, label)
    p = probabilities(probability, len(frame))
    metrics = estimates(
        positive,
        p,
        threshold,
        replicates=settings.replicates,
        confidence=settings.confidence,
        seed=seed,
    )
    return Evaluation(
        rows=len(p),
        positives=int(positive.sum()),
        threshold=threshold,
        confidence=settings.confidence,
        replicates=settings.replicates,
        metrics=metrics,
        slices=evaluate_slices(frame, positive, p, threshold, slices, settings, seed),
    )


def labels(frame: pd.DataFrame, label: str) -> NDArray[np.bool_]:
    """The label as booleans ``(n,)``; both classes occur.

    Raises
    ------
    LabelError
        As :func:`evaluate`.
    """
    where = f"holdout, column {label!r}"
    if label not in frame.columns:
        raise LabelError("no such column", where=where, mend="Check the contract's label")
    column = frame[label]
    if not len(column):
        raise LabelError("no rows", where=where, mend="Widen prepare.holdout in params.yaml")
    missing = int(column.isna().sum())
    if missing:
        raise LabelError(
            "missing labels", where=where, expected="0", found=f"{missing} of {len(column)} rows"
        )
    numbers = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=np.float64)
    strange = ~((numbers == 0) | (numbers == 1))
    if strange.any():
        first = column.iloc[int(np.flatnonzero(strange)[0])]
        raise LabelError("not a label", where=where, expected="0, 1 or booleans", found=repr(first))
    positive: NDArray[np.bool_] = numbers == 1
    if positive.all() or not positive.any():
        raise LabelError(
            "one class only",
            where=where,
            expected="both",
            found=f"{int(positive.sum())} positives in {len(column)} rows",
            mend="Widen prepare.holdout in params.yaml",
        )
    return positive


def probabilities(probability: ArrayLike, rows: int) -> Floats:
    """Probabilities as float64 ``(rows,)``, every one from 0 to 1.

    Raises
    ------
    RunError
        As :func:`evaluate`.
    """
    p = np.asarray(probability, dtype=np.float64)
    if p.shape != (rows,):
        raise RunError(
            "the model did not give one probability a row",
            expected=f"shape ({rows},)",
            found=str(p.shape),
        )
    wrong = ~((p >= 0) & (p <= 1))  # NaN compares as False
    if wrong.any():
        raise RunError(
            "the model gave what is no probability",
            expected="numbers from 0 to 1",
            found=f"{float(p[wrong][0])} and others, {int(wrong.sum())} of {rows} rows",
        )
    return p
