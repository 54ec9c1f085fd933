"""``assay performance`` without ``--metric``: every metric that a night has, one line each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.errors import UsageError
from assay.performance.comparison import (
    By,
    PerformancePair,
    by_week,
    check_maturity,
    pairs,
)
from assay.performance.known_metrics import Row
from assay.project.params import Params
from assay.project.tasks import METRICS
from assay.store import open_store


@dataclass(frozen=True)
class MetricSummary:
    """One metric over the nights or weeks that have a value of it.

    Attributes
    ----------
    pairs
        One for each night or week, oldest first; never empty.
    """

    metric: str
    pairs: tuple[PerformancePair, ...]

    @property
    def newest(self) -> PerformancePair:
        """The last one whose labels are known; without any, the last one that was estimated."""
        known = [pair for pair in self.pairs if pair.realized is not None]
        return (known or self.pairs)[-1]

    @property
    def mean_error(self) -> float | None:
        """By how much the estimate was off on the mean; None if nothing has both values."""
        errors = [abs(pair.error) for pair in self.pairs if pair.error is not None]
        return math.fsum(errors) / len(errors) if errors else None


@dataclass(frozen=True)
class AllMetrics:
    """All metrics of all rows, or of one slice; ``maturity_days`` is that of realized values."""

    slice: str
    maturity_days: int
    by: By
    metrics: tuple[MetricSummary, ...]

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "schema": 1,
            "slice": self.slice,
            "maturity_days": self.maturity_days,
            "by": self.by,
            "metrics": [
                {
                    "metric": each.metric,
                    "mean_error": each.mean_error,
                    "pairs": [{**asdict(pair), "error": pair.error} for pair in each.pairs],
                }
                for each in self.metrics
            ],
        }


def summarize(
    table: Sequence[Row],
    column: str,
    slice: str,
    days: int,
    by: By = "night",
    least: int = 0,
) -> list[MetricSummary]:
    """A summary of each metric with a value, in the order in which evaluate lists them.

    Parameters
    ----------
    table
        Rows of the performance table.
    column
        The one that holds the night.
    days
        The maturity of the realized values.
    least
        ``evaluate.min_slice_rows``.
    """
    found = []
    for metric in _in_order({str(row["metric"]) for row in table}):
        nights = pairs(table, column, metric, slice, days, least)
        mine = [pair for pair in (by_week(nights) if by == "week" else nights) if _has_value(pair)]
        if mine:
            found.append(MetricSummary(metric, tuple(mine)))
    return found


def _has_value(pair: PerformancePair) -> bool:
    return pair.estimated is not None or pair.realized is not None


def run(
    root: Path,
    params: Params,
    slice: str = "",
    days: int | None = None,
    by: By = "night",
) -> AllMetrics:
    """Every metric that some night or week has a value of.

    Parameters
    ----------
    days
        The maturity; the first of ``monitor.maturities`` if None.

    Raises
    ------
    UsageError
        There is no such maturity or slice, or no night has a value of any metric.
    """
    days = check_maturity(params, days)
    store = open_store(root, params)
    table = store.performance().to_pylist()
    found = summarize(table, store.column, slice, days, by, params.evaluate.min_slice_rows)
    if not found:
        raise _none(table, slice, by)
    return AllMetrics(slice, days, by, tuple(found))


def _none(table: Sequence[Row], slice: str, by: By) -> UsageError:
    slices = sorted({row["slice"] for row in table if row["slice"]})
    if slice and table and slice not in slices:
        return UsageError(
            "no night has a metric in such a slice",
            where="--slice",
            expected=f"one of {', '.join(slices)}" if slices else "none, for all rows",
            found=repr(slice),
        )
    return UsageError(
        "no week has an estimate and labels" if by == "week" else "no night has a metric yet",
        where="assay performance",
        expected="a night that was scored and monitored, or its labels: assay labels --date DAY",
    )


def _in_order(names: Iterable[str]) -> list[str]:
    usual = list(dict.fromkeys(name for each in METRICS.values() for name in each))
    return sorted(
        names, key=lambda name: (usual.index(name) if name in usual else len(usual), name)
    )
