"""A number with its interval: what every measurement comes to, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.project.numbers import short

DIGITS = 9
"""Digits after the point in files: beyond them a sum depends on its order."""


@dataclass(frozen=True)
class Estimate:
    """One value with its interval; what has no value is None, and ``why`` says why.

    Attributes
    ----------
    degrees
        Of freedom of the t distribution that the interval goes by; None if it goes by another.
    design_effect
        How many times the variance is what it would be if rows were independent.
    few
        What is missing is missing because there are too few rows, labels or units of it: more
        data would tell.
    needed
        Units that would be enough, where that is known.
    doubt
        Why the number may not be called good enough, however it looks: what rows that were not
        drawn could do to it.
    """

    value: float | None
    low: float | None
    high: float | None
    why: str | None = None
    degrees: float | None = None
    design_effect: float | None = None
    few: bool = False
    needed: int | None = None
    doubt: str | None = None

    def plain(self) -> dict[str, object]:
        """JSON values; beyond the three numbers only what there is."""
        found: dict[str, object] = {
            "value": rounded(self.value),
            "low": rounded(self.low),
            "high": rounded(self.high),
        }
        rest = {
            "why": self.why,
            "degrees": None if self.degrees is None else round(self.degrees, 2),
            "design_effect": None if self.design_effect is None else round(self.design_effect, 4),
            "few": self.few or None,
            "needed": self.needed,
            "doubt": self.doubt,
        }
        return {**found, **{name: value for name, value in rest.items() if value is not None}}


def rounded(value: float | None) -> float | None:
    """As it stands in a file."""
    return None if value is None else round(value, DIGITS)


def cells(estimate: Estimate | None) -> tuple[str, str]:
    """Value and interval as text; a dash where there is none."""
    if estimate is None or estimate.value is None:
        return "-", "-"
    if estimate.low is None or estimate.high is None:
        return short(estimate.value), "-"
    return short(estimate.value), f"{short(estimate.low)} to {short(estimate.high)}"


LARGE_EFFECT = 1.5
"""A design effect above it is said in words: intervals by row would be a fifth too narrow."""


def effect(estimate: Estimate | None) -> str:
    """The design effect as text; a dash where there is none."""
    if estimate is None or estimate.design_effect is None:
        return "-"
    return f"{estimate.design_effect:.2g}" if estimate.design_effect < 100 else "100 or more"


def hangs(estimates: Mapping[str, Estimate]) -> str:
    """Which metrics' intervals by row would be far too narrow, in words; empty if none."""
    large = {
        name: one.design_effect
        for name, one in estimates.items()
        if one.design_effect is not None and one.design_effect > LARGE_EFFECT
    }
    if not large:
        return ""
    worst = max(large, key=lambda name: large[name])
    times = large[worst] ** 0.5
    return (
        f"taken as independent, rows would give {len(large)} of {len(estimates)} metrics an "
        f"interval that is too narrow, that of {worst} by a factor of {times:.1f}"
    )
