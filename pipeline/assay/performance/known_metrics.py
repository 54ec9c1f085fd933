"""The known values of a metric: its estimate, and its realized value at each maturity.

The performance table has a row for each value. All displays of a night's metrics group its rows
with `by_metric`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
"""A row of the performance table, or as `nights.summary.overall_metrics` reduces it."""


@dataclass
class KnownMetric:
    """One metric of one run, on all rows or on one slice.

    Attributes
    ----------
    estimated
        The estimate without labels; None if there is none.
    realized
        Maturity in days -> the value with the labels known by then, the shortest maturity first.
    """

    estimated: Row | None = None
    realized: dict[int, Row] = field(default_factory=dict)

    @property
    def matured(self) -> tuple[int, Row] | None:
        """The longest maturity and its realized value; None before any labels arrive."""
        return max(self.realized.items(), key=lambda each: each[0]) if self.realized else None

    def rows(self) -> list[Row]:
        """All rows, realized before estimated."""
        return [*self.realized.values(), *([self.estimated] if self.estimated is not None else [])]


def by_metric(rows: Iterable[Row], slice: str = "", valued: bool = True) -> dict[str, KnownMetric]:
    """Group the rows of one run by metric, sorted by name.

    Parameters
    ----------
    rows
        The later of two rows of one value counts.
    slice
        Such as ``origin=JFK``; empty for all rows.
    valued
        Leave out rows without a value.
    """
    found: dict[str, KnownMetric] = {}
    for row in rows:
        if row.get("slice", "") != slice or (valued and row["value"] is None):
            continue
        known = found.setdefault(str(row["metric"]), KnownMetric())
        if row["estimated"]:
            known.estimated = row
        else:
            known.realized[int(row["maturity_days"] or 0)] = row
    for known in found.values():
        known.realized = dict(sorted(known.realized.items()))
    return dict(sorted(found.items()))


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
