"""What is known of a metric: as it was expected, and as it turned out, maturity by maturity.

The performance table has a row for each number. Whoever shows numbers of a night folds its rows
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
"""A number: of the performance table, or as `assay.monitor.nights.summary.of_all_rows` keeps it."""


@dataclass
class KnownMetric:
    """One metric of one run, on all rows or on those of one slice.

    Attributes
    ----------
    estimated
        Without labels; None if there is none.
    realized
        Days of maturity -> with the labels that had come by then, the shortest first.
    """

    estimated: Row | None = None
    realized: dict[int, Row] = field(default_factory=dict)

    @property
    def matured(self) -> tuple[int, Row] | None:
        """The longest maturity with what is realized there; None before any labels came."""
        return max(self.realized.items(), key=lambda each: each[0]) if self.realized else None

    def rows(self) -> list[Row]:
        """All of them, what is realized first."""
        return [*self.realized.values(), *([self.estimated] if self.estimated is not None else [])]


def by_metric(rows: Iterable[Row], slice: str = "", valued: bool = True) -> dict[str, KnownMetric]:
    """Fold the rows of one run, by metric in the order of their names.

    Parameters
    ----------
    rows
        Of two of one number the later counts.
    slice
        Such as ``origin=JFK``; empty for all rows.
    valued
        Leave out numbers that have no value.
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
