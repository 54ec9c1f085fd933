"""How numbers are written for people: one function for each way, and no other."""

from __future__ import annotations


def decimal(value: float | None, none: str = "") -> str:
    """A distance, a metric, an effect: three digits after the point."""
    return none if value is None else f"{value:.3f}"


def percent(share: float | None, none: str = "") -> str:
    """A share of 0 to 1, to a tenth of a percent."""
    return none if share is None else f"{share:.1%}"
