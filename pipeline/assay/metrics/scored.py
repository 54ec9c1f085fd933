"""Rows with their truth and their scores, for any task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from assay.metrics import binary, multiclass, regression
from assay.metrics.calibration import gaps_of
from assay.metrics.table import Bools, Floats, Ints, Table, values
from assay.metrics.units import Units
from assay.project.tasks import METRICS, Task


@dataclass(frozen=True)
class Scored:
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

    def rows(self, chosen: Ints) -> Scored:
        """A selection of the rows, given by row number."""
        return replace(self, truth=self.truth[chosen], scores=self.scores[chosen])

    @property
    def positives(self) -> int | None:
        """Number of rows whose label is true, in a binary task."""
        return int(self.truth.sum()) if self.task == "binary" else None

    @property
    def selected(self) -> int | None:
        """Number of rows that a binary model predicts positive."""
        return None if self.said is None else int(self.said.sum())

    @property
    def said(self) -> Bools | None:
        """Which rows ``(n,)`` a binary model predicts positive."""
        return self.scores >= self.threshold if self.task == "binary" else None

    def table(self) -> Table:
        """Ready to be measured. Rows without a valid score or truth make no table."""
        if self.task == "binary":
            return binary.Ranking(self.truth, self.scores, self.threshold)
        if self.task == "multiclass":
            return multiclass.Confusion(self.truth, self.scores, self.classes)
        return regression.Errors(self.truth, self.scores)

    def values(self) -> dict[str, float]:
        """Every metric of the task; the calibration error without what chance adds to it.

        NaN where it has no value, and throughout if there are no rows, or one whose truth
        or score is invalid.
        """
        if not self.usable():
            return dict.fromkeys(METRICS[self.task], float("nan"))
        return self.measured(self.table())

    def measured(self, table: Table) -> dict[str, float]:
        """The same of valid rows, ``table`` being theirs."""
        found = values(table)
        if "calibration_error" in found and len(self) > 1:
            gaps = gaps_of(self.scores, self.truth, Units.rows(len(self)))
            found["calibration_error"] = gaps.estimate()
        return found

    def usable(self) -> bool:
        """Whether there are rows, each with a valid truth and score."""
        if self.task == "binary":
            return binary.usable(self.truth, self.scores)
        if self.task == "multiclass":
            return multiclass.usable(self.truth, self.scores)
        return regression.usable(self.truth, self.scores)
