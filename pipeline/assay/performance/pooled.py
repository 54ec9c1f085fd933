"""A metric over several nights together, with an interval for whoever asks every night.

Its value is a ratio of sums over the nights, so a large night counts more than a small one. Nights
are the units: only how much they differ says how well the ratio is known. Nights that follow each
other are autocorrelated, so the variance of their sum is the mean power of their slowest cosines,
and the interval is of Student's t with as many degrees of freedom as there are cosines (Lazarus,
Lewis, Stock and Watson, "HAR inference", Journal of Business & Economic Statistics 36, 2018).

Asked every night, the rule has many chances to err. Each look gets as many as make one false advice
in `YEARS` to expect, of a metric that lies just at the limit and whose intervals cover:
expectations add up, however much windows overlap. Where positives are rare and nights follow each
other, intervals of 28 nights cover less than they say; healthy models lie above the limit.
`benchmarks/retrain_simulation.py` counts false advices and the power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from assay.metrics.evaluator import Floats
from assay.metrics.influence import SamplingDistribution
from assay.performance.realized_metrics import CONSTANT_LOSS, Row
from assay.project.tasks import LOSS_OF_SKILL
from assay.reports.retrain import PooledMetric

YEARS = 2
"""One false advice is to be expected in so long a time."""
MOST_CHANCE = 0.05
"""Of a look, where nights are months or longer."""


@dataclass(frozen=True)
class PoolPart:
    """What a night adds to both sums.

    Attributes
    ----------
    row
        Of the performance table, with the metric of this night alone as its value.
    """

    day: int
    above: float
    below: float
    row: Row


def parts(
    metric: str, table: Sequence[Row], column: str, min_labelled: float
) -> tuple[list[PoolPart], tuple[str, ...]]:
    """What each night adds to the metric, and the nights that cannot be counted.

    Parameters
    ----------
    metric
        One of `assay.project.tasks.POOLABLE`.
    table
        Rows of the performance table in the order of nights, each a day: one slice, one maturity.
    """
    by_night: dict[str, dict[str, Row]] = {}
    for row in table:
        by_night.setdefault(row[column], {})[row["metric"]] = row
    pool, short = [], []
    loss = LOSS_OF_SKILL.get(metric)
    for night, known in by_night.items():
        needed = [
            known.get(name) for name in ((metric,) if loss is None else (loss, CONSTANT_LOSS))
        ]
        valued = [row for row in needed if row is not None and row["value"] is not None]
        if len(valued) < len(needed) or valued[0]["labelled_share"] < min_labelled:
            short.append(night)
            continue
        row, value = valued[0], valued[0]["value"]
        base = 1.0 if loss is None else valued[1]["value"]
        above = value if loss is None else base - value
        alone = above / base if base > 0 else 0.0
        mine = {**row, "metric": metric, "value": alone, "low": None, "high": None}
        day, rows = date.fromisoformat(night).toordinal(), row["rows"]
        pool.append(PoolPart(day, rows * above, rows * base, mine))
    return pool, tuple(short)


def over(nights: Sequence[PoolPart]) -> PooledMetric:
    """The metric of these nights together.

    Parameters
    ----------
    nights
        At least `assay.project.params.monitoring.LEAST_POOLED`, in their order.
    """
    above, below = (
        np.array([getattr(each, name) for each in nights]) for name in ("above", "below")
    )
    total = float(below.sum())
    value = float(above.sum()) / total if total > 0 else 0.0
    left = above - value * below
    cosines = min(len(left) - 1, max(4, len(left) // 4))
    error = float(np.sqrt(_variance_of_sum(left, cosines))) / total if total > 0 else 0.0
    apart = (nights[-1].day - nights[0].day) / (len(nights) - 1)
    chance = min(MOST_CHANCE, apart / (365 * YEARS))
    low, high = SamplingDistribution(value, error, cosines).interval(1 - 2 * chance)
    return PooledMetric(value=value, low=low, high=high)


def _variance_of_sum(left: Floats, cosines: int) -> float:
    """Of residuals ``(n,)``, from the power of their slowest cosines."""
    at = (np.arange(len(left)) + 0.5) / len(left)
    waves = np.cos(np.pi * np.outer(np.arange(1, cosines + 1), at))
    return float(2 * np.square(waves @ left).mean())
