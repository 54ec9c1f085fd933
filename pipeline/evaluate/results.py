"""What an evaluation says, as frozen values, and how they look in evaluation.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.tasks import Task, goodness

DIGITS = 9
"""Digits after the point in evaluation.json: beyond them a sum depends on its order."""

SHOWN_BY: Mapping[Task, tuple[str, str]] = {
    "binary": ("auc", "calibration_error"),
    "multiclass": ("accuracy", "calibration_error"),
    "regression": ("mae", "bias"),
}
"""The metric that slices are ranked by where people look at them, and the one beside it."""


@dataclass(frozen=True)
class Estimate:
    """One metric with its interval; what has no value is None, and ``why`` says why."""

    value: float | None
    low: float | None
    high: float | None
    why: str | None = None

    def plain(self) -> dict[str, object]:
        """JSON values; ``why`` only where something is missing."""
        numbers: dict[str, object] = {
            "value": _rounded(self.value),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
        }
        return numbers if self.why is None else {**numbers, "why": self.why}


@dataclass(frozen=True)
class SliceResult:
    """The rows where ``field`` has ``value``; ``metrics`` is None where they are too few."""

    field: str
    value: str
    rows: int
    positives: int | None
    metrics: Mapping[str, Estimate] | None
    why: str | None = None

    def plain(self) -> dict[str, object]:
        """JSON values."""
        result: dict[str, object] = {
            "field": self.field,
            "value": self.value,
            **_counts(self.rows, self.positives),
            "metrics": None if self.metrics is None else _plain(self.metrics),
        }
        return result if self.why is None else {**result, "why": self.why}


@dataclass(frozen=True)
class Evaluation:
    """All that is computed from labels and scores alone.

    ``positives`` and ``threshold`` are a binary model's.
    """

    task: Task
    rows: int
    positives: int | None
    threshold: float | None
    confidence: float
    replicates: int
    metrics: Mapping[str, Estimate]
    slices: tuple[SliceResult, ...]

    def plain(self) -> dict[str, object]:
        """JSON values, in the order of evaluation.json."""
        threshold = {} if self.threshold is None else {"threshold": self.threshold}
        return {
            "task": self.task,
            **_counts(self.rows, self.positives),
            **threshold,
            "confidence": self.confidence,
            "replicates": self.replicates,
            "metrics": _plain(self.metrics),
            "slices": [part.plain() for part in self.slices],
        }

    @property
    def rank_by(self) -> str:
        """The metric that slices are ranked by."""
        return SHOWN_BY[self.task][0]

    def summary(self) -> dict[str, float | int | None]:
        """The flat values that ``dvc metrics show`` reads, to six digits."""
        values = {
            name: None if found.value is None else round(found.value, 6)
            for name, found in self.metrics.items()
        }
        return {**values, **_counts(self.rows, self.positives)}


def _counts(rows: int, positives: int | None) -> dict[str, int]:
    return {"rows": rows} if positives is None else {"rows": rows, "positives": positives}


def _plain(metrics: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: found.plain() for name, found in metrics.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def short(value: float) -> str:
    """Four digits after the point, or five in all where that would be more."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.5g}"


def cells(estimate: Estimate | None) -> tuple[str, str]:
    """Value and interval as text; a dash where there is none."""
    if estimate is None or estimate.value is None:
        return "-", "-"
    if estimate.low is None or estimate.high is None:
        return short(estimate.value), "-"
    return short(estimate.value), f"{short(estimate.low)} to {short(estimate.high)}"


def worst_first(found: Evaluation) -> list[SliceResult]:
    """Slices from the worst ``rank_by`` up; those without a value come last."""

    def rank(part: SliceResult) -> tuple[bool, float]:
        value = None if part.metrics is None else part.metrics[found.rank_by].value
        return (value is None, 0.0 if value is None else goodness(found.rank_by, value))

    return sorted(found.slices, key=rank)
