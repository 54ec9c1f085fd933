"""What an evaluation says, as frozen values, and how they look in evaluation.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.metrics.estimate import Estimate
from assay.project.tasks import HEADLINE, Task, goodness

BESIDE: Mapping[Task, str] = {
    "binary": "calibration_error",
    "multiclass": "calibration_error",
    "regression": "bias",
}
"""The metric that slices show beside the headline, by which they are ranked."""


SELECTION = "selection_rate"


@dataclass(frozen=True)
class SliceResult:
    """The rows of `assay.metrics.slices.SliceRows`; ``metrics`` is None where they are too few.

    ``selection_rate`` is the share of rows that a binary model says yes to.
    """

    field: str
    value: str
    rows: int
    units: int
    positives: int | None
    selected: int | None
    selection_rate: Estimate | None
    metrics: Mapping[str, Estimate] | None
    why: str | None = None

    def plain(self) -> dict[str, object]:
        """JSON values."""
        result: dict[str, object] = {
            "field": self.field,
            "value": self.value,
            **_counts(self.rows, self.positives, self.selected),
            "units": self.units,
            **({} if self.selection_rate is None else _plain({SELECTION: self.selection_rate})),
            "metrics": None if self.metrics is None else _plain(self.metrics),
        }
        return result if self.why is None else {**result, "why": self.why}


@dataclass(frozen=True)
class Evaluation:
    """All that is computed from labels and scores alone.

    ``unit`` and ``units`` say what varies, and how many there are (`assay.metrics.units`).
    ``positives``, ``selected`` (rows it says yes to) and ``threshold`` are a binary model's.
    """

    task: Task
    rows: int
    unit: str
    units: int
    positives: int | None
    selected: int | None
    threshold: float | None
    confidence: float
    metrics: Mapping[str, Estimate]
    slices: tuple[SliceResult, ...]

    def plain(self) -> dict[str, object]:
        """JSON values, in the order of evaluation.json."""
        threshold = {} if self.threshold is None else {"threshold": self.threshold}
        return {
            "task": self.task,
            "unit": self.unit,
            "units": self.units,
            **_counts(self.rows, self.positives, self.selected),
            **threshold,
            "confidence": self.confidence,
            "metrics": _plain(self.metrics),
            "slices": [part.plain() for part in self.slices],
        }

    @property
    def rank_by(self) -> str:
        """The metric that slices are ranked by."""
        return HEADLINE[self.task]

    def summary(self) -> dict[str, float | int | None]:
        """The flat values that ``dvc metrics show`` reads, to six digits."""
        values = {
            name: None if found.value is None else round(found.value, 6)
            for name, found in self.metrics.items()
        }
        return {**values, **_counts(self.rows, self.positives, self.selected)}


def _counts(rows: int, positives: int | None, selected: int | None) -> dict[str, int]:
    counts = {"rows": rows, "positives": positives, "selected": selected}
    return {name: count for name, count in counts.items() if count is not None}


def _plain(metrics: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: found.plain() for name, found in metrics.items()}


def worst_first(found: Evaluation) -> list[SliceResult]:
    """Slices from the worst ``rank_by`` up; those without a value come last."""

    def rank(part: SliceResult) -> tuple[bool, float]:
        value = None if part.metrics is None else part.metrics[found.rank_by].value
        return (value is None, 0.0 if value is None else goodness(found.rank_by, value))

    return sorted(found.slices, key=rank)
