"""Compare published predictions with those of the training code, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from assay.columns.features import Floats
from assay.metrics.evaluator import Ints
from assay.model import prediction
from assay.project.tasks import Task


@dataclass(frozen=True)
class ExpectedPredictions:
    """The expected predictions, from the training code.

    Attributes
    ----------
    keys
        Key columns with the types of the predictions table.
    scores
        Scores as defined by `assay.columns.features.Scorer`.
    classes
        Classes of a multiclass model, in the order of its scores.
    """

    task: Task
    keys: pa.Table
    scores: Floats
    classes: tuple[str, ...] = ()
    threshold: float = 0.5


def count_differences(
    wanted: ExpectedPredictions, got: pa.Table, tolerance: float
) -> tuple[int, float | None]:
    """Number of rows that differ, and the largest difference between two scores.

    A row differs if it has another score, another prediction or no score, for example because it
    was quarantined. A duplicate row also counts.

    Parameters
    ----------
    got
        The predictions table: key columns and those of `assay.model.prediction.prediction_columns`.
    tolerance
        Largest difference of equal scores. For a regression it is relative if the score is above
        1, as in the check of compiled models against scikit-learn.

    Returns
    -------
    rows, largest
        ``largest`` is None if no row has both scores.
    """
    ours, theirs, others = _matched(wanted.keys, got)
    rows = wanted.keys.num_rows
    expected, found = wanted.scores[ours], _scores(wanted, got)[theirs]
    apart = np.abs(found - expected)
    if wanted.task == "regression":
        apart = apart / np.maximum(1.0, np.abs(expected))
    if apart.ndim == 2:
        apart = apart.max(axis=1)
    said = prediction.prediction_columns(wanted.task, wanted.classes, wanted.threshold, expected)
    # For a regression the prediction is the score, which is compared with a tolerance above.
    flipped = np.zeros(len(ours), dtype=np.bool_)
    if wanted.task != "regression":
        flipped = (
            _objects(said[prediction.PREDICTION]) != _objects(got[prediction.PREDICTION])[theirs]
        )
    # Not "apart > tolerance": NaN must count as different.
    same = (apart <= tolerance) & ~flipped
    known = apart[np.isfinite(apart)]
    return min(rows, rows - int(same.sum()) + others), float(known.max()) if len(known) else None


def _matched(keys: pa.Table, got: pa.Table) -> tuple[Ints, Ints, int]:
    """Positions of matching rows in both tables, and the number of unmatched rows of ``got``."""
    names: Sequence[str] = keys.column_names
    ours = keys.append_column("ours", pa.array(np.arange(keys.num_rows)))
    theirs = got.select(names).append_column("theirs", pa.array(np.arange(got.num_rows)))
    both = ours.join(theirs, list(names), join_type="inner")
    left, right = (both[name].to_numpy().astype(np.intp) for name in ("ours", "theirs"))
    _, first = np.unique(left, return_index=True)
    return left[first], right[first], got.num_rows - len(first)


def _scores(wanted: ExpectedPredictions, got: pa.Table) -> Floats:
    if wanted.task != "multiclass":
        column = got[prediction.score_column(wanted.task)]
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    none = [np.nan] * len(wanted.classes)
    lists = [row or none for row in got[prediction.PROBABILITIES].to_pylist()]
    return np.array(lists, dtype=np.float64).reshape(got.num_rows, len(wanted.classes))


def _objects(column: Any) -> Any:
    return np.array(column.to_pylist(), dtype=object)
