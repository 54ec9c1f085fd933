"""The holdout: the table that models are evaluated on, its labels, and a model's scores of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import LabelError, RunError, StageInputMissing
from assay.metrics.evaluator import Floats
from assay.metrics.label_encoding import encode_labels
from assay.metrics.labelled_scores import LabelledScores
from assay.model import prediction
from assay.project import layout
from assay.project.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

    from assay.model.bundle import Bundle

HOLDOUT = "holdout"


def read(root: Path) -> pd.DataFrame:
    """Read the holdout table.

    Raises
    ------
    StageInputMissing
        It does not exist, or is not Parquet.
    """
    import pandas as pd

    path = root / layout.HOLDOUT_TABLE
    if not path.is_file():
        raise StageInputMissing(
            "prepare has not run: no such file", where=layout.HOLDOUT_TABLE, fix="Run: dvc repro."
        )
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are of these two kinds
        raise StageInputMissing(
            "the holdout cannot be read",
            where=layout.HOLDOUT_TABLE,
            found=f"{type(error).__name__}: {error}",
            fix="Make it again with dvc repro --force prepare",
        ) from None


def score(bundle: Bundle, frame: pd.DataFrame) -> LabelledScores:
    """The labels of the holdout and a bundle's scores; errors as `labels` and `validate_scores`."""
    from assay.model.batch import score_frame

    about = bundle.manifest
    # Validate the labels before scoring, since the table may be empty.
    truth = labels(frame, about.label, about.task, about.classes)
    scores = validate_scores(score_frame(bundle, frame), len(frame), about.task, about.classes)
    return LabelledScores(about.task, truth, scores, about.classes, about.threshold)


def labels(frame: pd.DataFrame, label: str, task: Task, classes: tuple[str, ...]) -> NDArray[Any]:
    """The true labels of the holdout, as `assay.metrics.labelled_scores` takes them.

    Raises
    ------
    LabelError
        There is no such column.
    """
    if label not in frame.columns:
        raise LabelError(
            "no such column",
            where=f"{HOLDOUT}, column {label!r}",
            fix="Check the contract's label",
        )
    return encode_labels(frame[label], task, classes, HOLDOUT)


def validate_scores(given: ArrayLike, rows: int, task: Task, classes: tuple[str, ...]) -> Floats:
    """Scores as float64, checked against the shape and the range of the task.

    Raises
    ------
    RunError
        The scores have another shape, or one of them is out of range.
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
    wrong = prediction.invalid_scores(task, scores)
    if wrong.any():
        raise RunError(
            f"the model gave what is no {number}",
            expected="finite numbers" if task == "regression" else "numbers from 0 to 1",
            found=f"{scores[wrong][0]} and others, {int(wrong.sum())} of {rows} rows",
        )
    return scores
