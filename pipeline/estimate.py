"""A number with its interval: what every measurement comes to, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass

DIGITS = 9
"""Digits after the point in files: beyond them a sum depends on its order."""


@dataclass(frozen=True)
class Estimate:
    """One value with its interval; what has no value is None, and ``why`` says why."""

    value: float | None
    low: float | None
    high: float | None
    why: str | None = None

    def plain(self) -> dict[str, object]:
        """JSON values; ``why`` only where something is missing."""
        numbers: dict[str, object] = {
            "value": rounded(self.value),
            "low": rounded(self.low),
            "high": rounded(self.high),
        }
        return numbers if self.why is None else {**numbers, "why": self.why}


def rounded(value: float | None) -> float | None:
    """As it stands in a file."""
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
