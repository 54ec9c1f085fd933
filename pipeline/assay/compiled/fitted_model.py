"""A fitted scikit-learn pipeline and its calibration, whose scores a compiled model must equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import CategoryColumn, Features, Floats
from assay.errors import ScoresInvalid
from assay.project.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

FILE = "model.skops"
_LONGEST = 300
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Model:
    """A fitted scikit-learn pipeline with an optional calibration of its probabilities.

    Parameters
    ----------
    estimator
        A pipeline on the feature columns; scores come from ``predict_proba`` (classifiers) or
        ``predict`` (regressions).
    calibrator
        For a binary model: maps the estimator's probability to the calibrated one. It is a
        logistic regression on the log odds (Platt 1999), an isotonic regression (Zadrozny and
        Elkan 2002) or None. For a multiclass model: a list with one of these for each class, in
        the order of the estimator's classes, or None. For a regression: None.
    numeric, categorical
        Feature columns, in the order in which the estimator was fitted.
    """

    estimator: Any
    calibrator: Any
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    task: Task = "binary"

    def scores(self, features: Features) -> Floats:
        """scikit-learn's score of each row; shapes as in `assay.columns.features.Scorer`.

        Raises
        ------
        ScoresInvalid
            The model raised an error.
        """
        frame = feature_frame(features, self.numeric, self.categorical)
        try:
            if features.rows == 0:
                classes = len(self.estimator.classes_) if self.task == "multiclass" else 0
                return np.empty((0, classes) if classes else 0)
            # A night's log is no place for NumPy's warnings: rows without a score are counted.
            with np.errstate(all="ignore"):
                raw = raw_scores(self.task, self.estimator, frame)
                return calibrate(self.task, self.calibrator, raw)
        except MemoryError:
            raise  # not the model's fault
        except Exception as error:
            raise ScoresInvalid(
                "the model raised an error instead of scoring",
                where=FILE,
                found=error_message(error),
                fix="Is it the model that was trained? Train and promote again.",
            ) from error


def raw_scores(task: Task, estimator: Any, frame: pd.DataFrame) -> Floats:
    """Uncalibrated scores of a `feature_frame`, in the shape of the task."""
    if task == "regression":
        return np.asarray(estimator.predict(frame), dtype=np.float64).reshape(len(frame))
    raw = np.asarray(estimator.predict_proba(frame), dtype=np.float64)
    if raw.ndim != 2:
        raise ValueError("predict_proba gives no column for each class: an objective of one's own?")
    return raw[:, 1] if task == "binary" else raw


def feature_frame(
    features: Features, numeric: Sequence[str], categorical: Sequence[str]
) -> pd.DataFrame:
    """Features in the form that estimators take, in training and in scoring.

    Numbers are float64 with NaN where missing, so that types do not depend on whether a batch
    has nulls. Categories are text with None where missing.
    """
    import pandas as pd

    columns: dict[str, Any] = {name: features.numbers(name) for name in numeric}
    for name in categorical:
        columns[name] = decode_categories(features.coded(name))
    return pd.DataFrame(columns, index=pd.RangeIndex(features.rows))


def decode_categories(coded: CategoryColumn) -> NDArray[Any]:
    """Categories as text, None where the value is null; object array of shape (rows,)."""
    known = np.empty(len(coded.categories) + 1, dtype=object)  # the last one is None, of code -1
    known[:-1] = coded.categories.objects
    return known[coded.codes]


def calibrate(task: Task, calibrator: Any, raw: Floats) -> Floats:
    """Calibrate ``raw`` scores, which are in the shape of the task.

    Classes of a multiclass model are calibrated one against the rest, and the results are
    normalised to sum to 1 (Zadrozny and Elkan 2002). A row whose calibrated probabilities are
    all 0 gets the same probability for each class, as in scikit-learn's
    CalibratedClassifierCV.
    """
    if task != "multiclass" or calibrator is None:
        return calibrate_class(calibrator, raw)
    each = [calibrate_class(one, raw[:, place]) for place, one in enumerate(calibrator)]
    mapped = np.column_stack(each)
    total = mapped.sum(axis=1, keepdims=True)
    alike: Floats = np.full_like(mapped, 1 / mapped.shape[1])
    np.divide(mapped, total, out=alike, where=total != 0)
    return alike


def calibrate_class(calibrator: Any, raw: Floats) -> Floats:
    """Calibrate probabilities of one class, shape (rows,); unchanged without a calibrator."""
    if calibrator is None:
        return raw
    if hasattr(calibrator, "predict_proba"):
        return np.asarray(calibrator.predict_proba(log_odds(raw))[:, 1], dtype=np.float64)
    return np.asarray(calibrator.predict(raw), dtype=np.float64)


def log_odds(raw: Floats) -> Floats:
    """Log odds of probabilities, shape (rows, 1), clipped so that 0 and 1 stay finite."""
    clipped = np.clip(raw, _SMALLEST, 1 - _SMALLEST)
    return np.log(clipped / (1 - clipped)).reshape(-1, 1)


def error_message(error: Exception) -> str:
    """Type and message of an exception on one line, cut to a limited length."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
