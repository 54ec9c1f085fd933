"""What an evaluation says, as frozen values, and how they look in evaluation.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DIGITS = 9
"""Digits after the point in evaluation.json: beyond them a sum depends on its order."""


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
    positives: int
    metrics: Mapping[str, Estimate] | None
    why: str | None = None

    def plain(self) -> dict[str, object]:
        """JSON values."""
        result: dict[str, object] = {
            "field": self.field,
            "value": self.value,
            "rows": self.rows,
            "positives": self.positives,
            "metrics": None if self.metrics is None else _plain(self.metrics),
        }
        return result if self.why is None else {**result, "why": self.why}


@dataclass(frozen=True)
class Evaluation:
    """All that is computed from labels and probabilities alone."""

    rows: int
    positives: int
    threshold: float
    confidence: float
    replicates: int
    metrics: Mapping[str, Estimate]
    slices: tuple[SliceResult, ...]

    def plain(self) -> dict[str, object]:
        """JSON values, in the order of evaluation.json."""
        return {
            "rows": self.rows,
            "positives": self.positives,
            "threshold": self.threshold,
            "confidence": self.confidence,
            "replicates": self.replicates,
            "metrics": _plain(self.metrics),
            "slices": [part.plain() for part in self.slices],
        }

    def summary(self) -> dict[str, float | int | None]:
        """The flat values that ``dvc metrics show`` reads, to six digits."""
        values = {
            name: None if found.value is None else round(found.value, 6)
            for name, found in self.metrics.items()
        }
        return {**values, "rows": self.rows, "positives": self.positives}


def _plain(metrics: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: found.plain() for name, found in metrics.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
