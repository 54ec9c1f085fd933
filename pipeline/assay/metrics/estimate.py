"""A metric's value with its interval, and its text form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.project.text import format_short

DIGITS = 9
"""Decimal places in files; digits beyond them depend on the order of summation."""


@dataclass(frozen=True)
class Estimate:
    """One value with its interval; if the value or the interval is None, ``why`` says why.

    Attributes
    ----------
    degrees
        Degrees of freedom of the interval's t distribution; None if it uses another.
    design_effect
        The variance divided by the variance if rows were independent.
    worth
        Number of independent units that would say as much, where units follow each other.
    few
        The value or the interval is missing because there are too few rows, labels or units; more
        data would give it.
    needed
        Number of units that would be enough, if known.
    doubt
        Why the value cannot be relied on however good it looks: rare rows that are absent from the
        sample could change it.
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
    worth: float | None = None

    def plain(self) -> dict[str, object]:
        """JSON values: value, low and high, then the other fields that are set."""
        known: dict[str, object] = {
            "value": round_value(self.value),
            "low": round_value(self.low),
            "high": round_value(self.high),
        }
        rest = {
            "why": self.why,
            "degrees": None if self.degrees is None else round(self.degrees, 2),
            "design_effect": None if self.design_effect is None else round(self.design_effect, 4),
            "few": self.few or None,
            "needed": self.needed,
            "doubt": self.doubt,
            "worth": None if self.worth is None else round(self.worth, 2),
        }
        return {**known, **{name: value for name, value in rest.items() if value is not None}}


def round_value(value: float | None) -> float | None:
    """The value as written to files."""
    return None if value is None else round(value, DIGITS)


def format_cells(estimate: Estimate | None) -> tuple[str, str]:
    """Value and interval as text; "-" if there is none."""
    if estimate is None or estimate.value is None:
        return "-", "-"
    if estimate.low is None or estimate.high is None:
        return format_short(estimate.value), "-"
    return format_short(
        estimate.value
    ), f"{format_short(estimate.low)} to {format_short(estimate.high)}"


LARGE_EFFECT = 1.5
"""A larger design effect is reported in words: row-based intervals are a fifth too narrow."""


def format_design_effect(estimate: Estimate | None) -> str:
    """The design effect as text; "-" if there is none."""
    if estimate is None or estimate.design_effect is None:
        return "-"
    return f"{estimate.design_effect:.2g}" if estimate.design_effect < 100 else "100 or more"


def describe_design_effects(estimates: Mapping[str, Estimate]) -> str:
    """Which metrics' row-based intervals are far too narrow, in words; empty if none."""
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
