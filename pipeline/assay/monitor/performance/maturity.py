"""How many days after a night its labels are counted: which instants that means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta


def until(day: date, days: int) -> datetime:
    """The instant before which a label has to arrive to count: the end, in UTC, of that day.

    A label that arrives on the day after a night, at whatever hour, has a maturity of 1.
    """
    return datetime.combine(day + timedelta(days=days + 1), time(), UTC)


def reached(day: date, maturities: Sequence[int], now: datetime) -> tuple[int, ...]:
    """The maturities whose day has begun. Till that day is over their numbers may still change."""
    return tuple(days for days in maturities if now >= until(day, days - 1))


def known_from(day: date, days: int) -> datetime:
    """When truths that are known so many days after their night are known: as that day begins."""
    return until(day, days - 1)
