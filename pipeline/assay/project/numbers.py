"""How numbers are written for people: one function for each way, and no other."""

from __future__ import annotations


def count(value: float | None, none: str = "") -> str:
    """A whole number, its thousands apart."""
    return none if value is None else f"{value:,}"


def fixed(value: float | None, digits: int = 3, none: str = "") -> str:
    """A distance, a metric, an effect: so many digits after the point."""
    return none if value is None else f"{value:.{digits}f}"


def short(value: float | None, none: str = "-") -> str:
    """Four digits after the point, or five in all where that would be more."""
    if value is None:
        return none
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.5g}"


def percent(share: float | None, digits: int = 1, none: str = "") -> str:
    """A share of 0 to 1, to so many digits."""
    return none if share is None else f"{share:.{digits}%}"


def never_rounded_away(share: float) -> str:
    """A share of 0 to 1 in percent, never rounded to 0% or to 100% when it is not.

    >>> never_rounded_away(0.25), never_rounded_away(0.00001)
    ('25%', 'under 0.01%')
    """
    if 0 < share < 0.0001:
        return "under 0.01%"
    if 0.9999 < share < 1:
        return "over 99.99%"
    return f"{round(share * 100, 2):g}%"
