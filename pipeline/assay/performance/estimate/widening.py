"""How many times as wide intervals of estimates have to be, as labels of earlier nights show.

The reference shows how nights differ, and later nights may differ more: outcomes change in ways
that no score shows, most where few rows decide a metric, as in precision. Only labels show that, as
they come. So each night whose realized value lay outside of its interval widens the metric's next
intervals, and each inside narrows them again, down to what is stated. Whatever nights do, no more
of them than stated fall outside in the long run, as far as labels come (I. Gibbs and E. Candes,
"Adaptive conformal inference under distribution shift", NeurIPS 2021; in the form of
A. Angelopoulos, E. Candes and R. Tibshirani, "Conformal PID control for time series prediction",
NeurIPS 2023, where the width follows the misses and not the confidence).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from assay.performance.realized_metrics import KnownMetric, Row, by_metric
from assay.project.partitions import parse_day

STEP = 0.2
"""Widths by which one night outside widens the next intervals."""

NIGHTS = 250
"""Earlier nights that are asked at most."""

LABELLED = 0.9
"""Least share of labelled rows with which a night counts: its estimate is about all of them."""


@dataclass
class _OfBundle:
    """Nights of one bundle, each read and folded once."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    later: list[str] = field(default_factory=list)
    """A heap of the nights that no question has passed yet."""

    open: dict[str, dict[str, KnownMetric]] = field(default_factory=dict)
    """Earlier nights, in order, from the first on whose outcome more labels may change."""

    found: dict[str, float] = field(default_factory=dict)
    """The widths after all nights before these."""


class Widths:
    """Metric -> how many times as wide its interval has to be on a night; at least 1.

    Nights are asked about in order, and each costs the same however many lie before it: what no
    later label can change is folded once.

    Parameters
    ----------
    column
        The partition column.
    rows
        Of the performance table, over all rows of a night; others are ignored.
    """

    def __init__(self, column: str, confidence: float, rows: Iterable[Row] = ()) -> None:
        self._column, self._confidence = column, confidence
        self._bundles: defaultdict[str, _OfBundle] = defaultdict(_OfBundle)
        self.add(rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows of nights that no question has passed yet; the later of two values counts."""
        for row in rows:
            mine, night = self._bundles[row["bundle"]], str(row[self._column])
            if night not in mine.rows:
                heapq.heappush(mine.later, night)
            mine.rows.setdefault(night, []).append(row)

    def on(self, bundle: str, night: str) -> dict[str, float]:
        """The widths on a night, from those before it that the same bundle scored.

        Values whose maturity was not over before the night do not count, whenever they were
        measured.
        """
        until, mine = parse_day(night), self._bundles[bundle]
        while mine.later and mine.later[0] < night:
            name = heapq.heappop(mine.later)
            mine.open[name] = by_metric(mine.rows.pop(name))
        if until is None:
            return {}
        found, settled = dict(mine.found), True
        for name, known in list(mine.open.items()):
            day = parse_day(name)
            for metric, one in known.items():
                outside = None if day is None else _outside(one, day, until)
                if outside is not None:
                    moved = STEP * (outside - (1 - self._confidence))
                    found[metric] = max(1.0, found.get(metric, 1.0) + moved)
            settled &= day is None or all(_is_over(one, day, until) for one in known.values())
            if settled:
                mine.found = dict(found)
                del mine.open[name]
        return found


def _is_over(known: KnownMetric, day: date, until: date) -> bool:
    """Whether all of a night's values count already."""
    return all(day + timedelta(days=days) < until for days in known.realized)


def _outside(known: KnownMetric, day: date, until: date) -> bool | None:
    """Whether the realized value lay outside of the interval; None if one of them is lacking."""
    estimated = known.estimated
    if estimated is None or estimated["low"] is None or estimated["high"] is None:
        return None
    came = [
        row["value"]
        for days, row in known.realized.items()
        if day + timedelta(days) < until and (row["labelled_share"] or 0.0) >= LABELLED
    ]
    return not estimated["low"] <= came[-1] <= estimated["high"] if came else None
