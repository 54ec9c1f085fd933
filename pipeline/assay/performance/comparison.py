"""``assay performance``: compare estimated with realized metrics, by night or by week."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow.compute as pc

from assay.errors import UsageError
from assay.performance import label_drift
from assay.performance.realized_metrics import (
    OBSERVED,
    PREDICTED,
    UNKNOWN,
    KnownMetric,
    Row,
    by_metric,
    overdue_nights,
    overdue_words,
)
from assay.project.params import Params
from assay.project.partitions import parse_day
from assay.project.tasks import METRICS
from assay.project.text import counted
from assay.store import Store, open_store
from assay.store.delta.tables import texts, to_rows

By = Literal["night", "week"]

SHOWN = (
    *("slice", "metric", "maturity_days", "estimated", "trusted", "why"),
    *("value", "low", "high", "rows", "labelled_share"),
)
"""The columns of the performance table that are shown, beside the partition."""


@dataclass(frozen=True)
class PerformancePair:
    """The estimated and the realized value of a metric for one night or week.

    Attributes
    ----------
    night
        For a week, its Monday.
    estimated, realized
        None where there is none.
    rows
        How many rows have a label; None if nothing was measured with labels.
    distrust
        Why the estimate is not to be trusted; None if it is, or there is none.
    unmeasured
        Why there is no realized value, if the slice is too small for one.
    """

    night: str
    estimated: float | None
    realized: float | None
    low: float | None
    high: float | None
    rows: int | None
    labelled_share: float | None
    distrust: str | None = None
    unmeasured: str | None = None

    @property
    def error(self) -> float | None:
        """The estimate minus the realized value."""
        if self.estimated is None or self.realized is None:
            return None
        return self.estimated - self.realized


@dataclass(frozen=True)
class PerformancePairs:
    """A metric of all rows, or of one slice, over the nights or weeks, oldest first.

    ``maturity_days`` is the maturity of the realized values.
    """

    metric: str
    slice: str
    maturity_days: int
    by: By
    pairs: tuple[PerformancePair, ...]

    @property
    def newest(self) -> PerformancePair:
        """The last one whose labels are known; without any, the last one that was estimated."""
        known = [pair for pair in self.pairs if pair.realized is not None]
        return (known or self.pairs)[-1]

    @property
    def errors(self) -> list[float]:
        """By how much each estimate was off, where both values are known."""
        return [abs(pair.error) for pair in self.pairs if pair.error is not None]

    @property
    def mean_error(self) -> float | None:
        return math.fsum(self.errors) / len(self.errors) if self.errors else None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        pairs = [{**vars(pair), "error": pair.error} for pair in self.pairs]
        return {"schema": 1, **vars(self), "pairs": pairs}


@dataclass(frozen=True)
class AllMetrics:
    """All metrics of all rows, or of one slice; ``maturity_days`` is that of realized values."""

    slice: str
    maturity_days: int
    by: By
    metrics: tuple[PerformancePairs, ...]

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        metrics = [
            {
                "metric": each.metric,
                "mean_error": each.mean_error,
                "pairs": each.document()["pairs"],
            }
            for each in self.metrics
        ]
        return {"schema": 1, **vars(self), "metrics": metrics}


def pairs(
    table: Iterable[Row], column: str, metric: str, slice: str, days: int, least: int = 0
) -> list[PerformancePair]:
    """A pair for each night with an estimated or realized value, in order.

    Parameters
    ----------
    table
        Rows of the performance table.
    days
        The maturity of the realized values.
    least
        ``evaluate.min_slice_rows``.
    """
    nights: dict[str, list[Row]] = {}
    for row in table:
        if row["metric"] == metric:
            nights.setdefault(str(row[column]), []).append(row)
    found = []
    for night, rows in sorted(nights.items()):
        known = by_metric(rows, slice, valued=False).get(metric, KnownMetric())
        estimated, realized = known.estimated, known.realized.get(days)
        if estimated is not None or realized is not None:
            found.append(_pair(night, estimated, realized, least if slice else 0))
    return found


def _pair(night: str, estimated: Row | None, realized: Row | None, least: int) -> PerformancePair:
    scored = estimated["rows"] if estimated is not None else None
    small = realized is None and scored is not None and scored < least
    mine: Row = realized or {}
    return PerformancePair(
        night,
        None if estimated is None else estimated["value"],
        mine.get("value"),
        mine.get("low"),
        mine.get("high"),
        mine.get("rows"),
        mine.get("labelled_share"),
        estimated["why"] if estimated is not None and estimated.get("trusted") is False else None,
        f"{counted(scored, 'row')}, fewer than {least}" if small else None,
    )


def by_week(nights: Sequence[PerformancePair]) -> list[PerformancePair]:
    """Weekly means over the nights that have both values, weighted by labelled rows.

    Nights without both are left out, as the two means would cover different nights. The mean of
    nightly values is not the value over all rows of the week, so there is no interval.
    """
    weeks: dict[date, list[PerformancePair]] = {}
    for pair in nights:
        day = parse_day(pair.night)
        if day is not None and pair.error is not None:
            weeks.setdefault(day - timedelta(days=day.weekday()), []).append(pair)
    return [_week(monday, mine) for monday, mine in sorted(weeks.items())]


def _week(monday: date, nights: Sequence[PerformancePair]) -> PerformancePair:
    rows = sum(pair.rows or 0 for pair in nights)
    doubtful = sum(pair.distrust is not None for pair in nights)

    def mean(values: Iterable[float | None]) -> float:
        each = zip(values, nights, strict=True)
        return math.fsum((value or 0.0) * (pair.rows or 0) for value, pair in each) / rows

    return PerformancePair(
        monday.isoformat(),
        mean(pair.estimated for pair in nights),
        mean(pair.realized for pair in nights),
        None,
        None,
        rows,
        mean(pair.labelled_share for pair in nights),
        f"on {doubtful} of {len(nights)} nights" if doubtful else None,
    )


def check_maturity(params: Params, days: int | None) -> int:
    """``days``, or the first of ``monitor.maturities`` if None.

    Raises
    ------
    UsageError
        There is no such maturity.
    """
    days = params.monitor.maturities[0] if days is None else days
    if days not in params.monitor.maturities:
        raise UsageError(
            "no such maturity",
            where="--maturity",
            expected=f"one of {', '.join(map(str, params.monitor.maturities))}",
            found=str(days),
        )
    return days


def run(
    root: Path,
    params: Params,
    metric: str | None = None,
    slice: str = "",
    days: int | None = None,
    by: By = "night",
) -> PerformancePairs | AllMetrics:
    """The pairs of a metric, or of every metric that some night or week has a value of.

    Parameters
    ----------
    metric
        None for all.
    days
        The maturity; the first of ``monitor.maturities`` if None.

    Raises
    ------
    UsageError
        There is no such maturity, metric or slice, or no night has a value.
    """
    days = check_maturity(params, days)
    store = open_store(root, params)
    least = params.evaluate.min_slice_rows
    # In Arrow: of many nights most rows are of other slices, and slow as Python objects.
    asked = None if metric is None else [metric]
    values = store.performance(slices=bool(slice), metrics=asked)
    mine = values.filter(pc.is_in(values.column("slice"), texts([slice])))
    table = to_rows(mine.select([store.column, *SHOWN]))
    if metric is None:
        every = summarize(table, store.column, slice, days, by, least)
        if not every:
            known = to_rows(store.performance())
            raise _nothing(known, slice, by, _overdue(params, store))
        return AllMetrics(slice, days, by, tuple(every))
    found = pairs(table, store.column, metric, slice, days, least)
    if not found:
        raise _none(to_rows(store.performance()), metric, slice, _overdue(params, store))
    return PerformancePairs(
        metric, slice, days, by, tuple(by_week(found) if by == "week" else found)
    )


def summarize(
    table: Sequence[Row], column: str, slice: str, days: int, by: By = "night", least: int = 0
) -> list[PerformancePairs]:
    """The `pairs` of each metric with a value, in the order in which evaluate lists them."""
    usual = list(dict.fromkeys(name for each in METRICS.values() for name in each))
    order = {name: place for place, name in enumerate(usual)}
    rows: dict[str, list[Row]] = {}
    for row in table:
        rows.setdefault(str(row["metric"]), []).append(row)
    found = []
    for metric in sorted(rows, key=lambda name: (order.get(name, len(order)), name)):
        nights = pairs(rows[metric], column, metric, slice, days, least)
        mine = tuple(
            pair
            for pair in (by_week(nights) if by == "week" else nights)
            if pair.estimated is not None or pair.realized is not None
        )
        if mine:
            found.append(PerformancePairs(metric, slice, days, by, mine))
    return found


def _overdue(params: Params, store: Store) -> UsageError | None:
    """The error that labels are there, but were not measured; None if none are."""
    nights = overdue_nights(store, params.monitor.maturities, datetime.now(UTC))
    if not nights:
        return None
    what, command = overdue_words(nights)
    return UsageError(what, where="assay performance", fix=f"Run {command} first.")


def _none(
    table: Sequence[Row], metric: str, slice: str, overdue: UsageError | None = None
) -> UsageError:
    """Why no night has a value: no such metric or slice, no labels yet, or not measured."""
    metrics = sorted({row["metric"] for row in table})
    usual = {name for names in METRICS.values() for name in names}
    usual |= {PREDICTED, OBSERVED, UNKNOWN, *label_drift.NAMES}
    if metric not in (metrics or usual):
        return UsageError(
            "no night has such a metric",
            where="--metric",
            expected=f"one of {', '.join(metrics or sorted(usual))}",
            found=repr(metric),
        )
    mine = [row for row in table if row["metric"] == metric]
    return (
        _no_slice(mine, slice, metric)
        or overdue
        or UsageError(
            f"no night has {metric}" + (f" in {slice}" if slice else ""),
            where="assay performance",
            expected="labels first: assay labels --date DAY --rows FILE",
        )
    )


def _nothing(
    table: Sequence[Row], slice: str, by: By, overdue: UsageError | None = None
) -> UsageError:
    return (
        _no_slice(table, slice, "a metric")
        or overdue
        or UsageError(
            "no week has an estimate and labels" if by == "week" else "no night has a metric yet",
            where="assay performance",
            expected="a night that was scored and monitored, or its labels: "
            "assay labels --date DAY",
        )
    )


def _no_slice(table: Sequence[Row], slice: str, what: str) -> UsageError | None:
    """The error that no night has such a slice; None if one has it."""
    slices = sorted({row["slice"] for row in table if row["slice"]})
    if not slice or not table or slice in slices:
        return None
    return UsageError(
        f"no night has {what} in such a slice",
        where="--slice",
        expected=f"one of {', '.join(slices)}" if slices else "none, for all rows",
        found=repr(slice),
    )
