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

from collections.abc import Iterable
from datetime import date, timedelta

from assay.performance.realized_metrics import KnownMetric, Row, by_metric
from assay.project.partitions import parse_day

STEP = 0.2
"""Widths by which one night outside widens the next intervals."""

NIGHTS = 250
"""Earlier nights that are asked at most."""

LABELLED = 0.9
"""Least share of labelled rows with which a night counts: its estimate is about all of them."""


def widths(
    table: Iterable[Row], column: str, bundle: str, night: str, confidence: float
) -> dict[str, float]:
    """Metric -> how many times as wide its interval has to be on a night; at least 1.

    Parameters
    ----------
    table
        Rows of the performance table over all rows of a night. Those of other bundles are ignored,
        and values whose maturity was not over before the night, whenever they were measured.
    column
        The partition column.
    bundle
        Of the night's run.
    """
    nights: dict[str, list[Row]] = {}
    for row in table:
        if row["bundle"] == bundle and str(row[column]) < night:
            nights.setdefault(str(row[column]), []).append(row)
    found: dict[str, float] = {}
    until = parse_day(night)
    for name, rows in sorted(nights.items()):
        day = parse_day(name)
        for metric, known in by_metric(rows).items():
            outside = None if day is None or until is None else _outside(known, day, until)
            if outside is not None:
                moved = STEP * (outside - (1 - confidence))
                found[metric] = max(1.0, found.get(metric, 1.0) + moved)
    return found


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
