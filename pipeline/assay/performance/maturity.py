"""Label maturity: how many days after a night its labels are counted, as instants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta


def maturity_end(day: date, days: int) -> datetime:
    """The instant before which a label must arrive to count: the end of that day in UTC.

    A label that arrives on the day after a night, at any hour, has a maturity of 1.
    """
    return datetime.combine(day + timedelta(days=days + 1), time(), UTC)


def reached_maturities(day: date, maturities: Sequence[int], now: datetime) -> tuple[int, ...]:
    """The maturities whose day has begun. Until that day ends, their values may still change."""
    return tuple(days for days in maturities if now >= maturity_end(day, days - 1))


def maturity_start(day: date, days: int) -> datetime:
    """When labels with this maturity become known: at the start of that day."""
    return maturity_end(day, days - 1)
