"""Rows with their truth and their scores, for any task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.metrics import binary, multiclass, regression
from assay.metrics.calibration import classifier_gaps
from assay.metrics.evaluator import Bools, Floats, Ints
from assay.metrics.influence import Influence
from assay.metrics.sampling_units import SamplingUnits
from assay.project.tasks import METRICS, Task


class MetricEvaluator(Protocol):
    """Rows with truth and score, ready to be measured."""

    def metrics(self) -> dict[str, float]:
        """Every metric of the task; NaN if it has no value."""
        ...

    def influences(self) -> Mapping[str, Influence]:
        """How each row moves the metrics that have a derivative; NaN or absent without a value.

        The calibration error has none (`assay.metrics.calibration`), nor has a percentile.
        """
        ...

    def why(self, name: str) -> str:
        """Reason why a metric has no value in these rows, in words."""
        ...

    def few(self, name: str) -> str | None:
        """Reason why there are too few rows for an interval of a metric; else None."""
        ...

    @property
    def rarest(self) -> int:
        """Number of rows of the rarest label that occurs; for a regression, of all rows."""
        ...


@dataclass(frozen=True)
class LabelledScores:
    """Truth and scores of the rows to be measured.

    Attributes
    ----------
    truth
        Of shape (rows,): booleans (binary), indices in ``classes`` (multiclass) or numbers.
    scores
        As `assay.columns.features.Scorer` returns them.
    classes
        Of a multiclass model, in the order of its scores.
    threshold
        A binary model predicts positive at or above it.
    """

    task: Task
    truth: NDArray[Any]
    scores: Floats
    classes: tuple[str, ...] = ()
    threshold: float = 0.5

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, chosen: Ints) -> LabelledScores:
        """A selection of the rows, given by row number."""
        return replace(self, truth=self.truth[chosen], scores=self.scores[chosen])

    @property
    def positives(self) -> int | None:
        """Number of rows whose label is true, in a binary task."""
        return int(self.truth.sum()) if self.task == "binary" else None

    @property
    def selected(self) -> int | None:
        """Number of rows that a binary model predicts positive."""
        return None if self.predicted_positive is None else int(self.predicted_positive.sum())

    @property
    def predicted_positive(self) -> Bools | None:
        """Which rows ``(n,)`` a binary model predicts positive."""
        return self.scores >= self.threshold if self.task == "binary" else None

    def losses(self) -> Floats:
        """The Brier score of each row ``(n,)``; of a regression, the size of its error."""
        if self.task == "regression":
            losses: Floats = np.abs(self.scores - self.truth)
        elif self.task == "binary":
            losses = np.square(self.scores - self.truth)
        else:
            true = self.scores[np.arange(len(self)), self.truth]
            losses = np.square(self.scores).sum(axis=1) - 2 * true + 1
        return losses

    def outputs(self) -> Floats:
        """What the model says of each row ``(n,)``: of several classes the largest probability."""
        return self.scores if self.scores.ndim == 1 else self.scores.max(axis=1)

    def evaluator(self) -> MetricEvaluator:
        """Ready to be measured. Rows without a valid score or truth make no table."""
        if self.task == "binary":
            return binary.BinaryEvaluator(self.truth, self.scores, self.threshold)
        if self.task == "multiclass":
            return multiclass.MulticlassEvaluator(self.truth, self.scores, self.classes)
        return regression.RegressionEvaluator(self.truth, self.scores)

    def values(self) -> dict[str, float]:
        """Every metric of the task; the calibration error without what chance adds to it.

        NaN where it has no value, and throughout if there are no rows, or one whose truth
        or score is invalid.
        """
        if not self.is_valid_input():
            return dict.fromkeys(METRICS[self.task], float("nan"))
        return self.compute_metrics(self.evaluator())

    def compute_metrics(self, table: MetricEvaluator) -> dict[str, float]:
        """The same of valid rows, ``table`` being theirs."""
        metrics = table.metrics()
        if "calibration_error" in metrics and len(self) > 1:
            gaps = classifier_gaps(self.scores, self.truth, SamplingUnits.rows(len(self)))
            metrics["calibration_error"] = gaps.estimate()
        return metrics

    def is_valid_input(self) -> bool:
        """Whether there are rows, each with a valid truth and score."""
        if self.task == "binary":
            return binary.is_valid_input(self.truth, self.scores)
        if self.task == "multiclass":
            return multiclass.is_valid_input(self.truth, self.scores)
        return regression.is_valid_input(self.truth, self.scores)
