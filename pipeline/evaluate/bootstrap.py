"""Percentile bootstrap intervals (Efron and Tibshirani 1993, An Introduction to the Bootstrap).

A resample is not built: it is a count for each row of how often it was drawn, and the
metrics take counts as weights. Classifiers' rows are drawn within each label, so all
resamples have as many of it as the table: intervals say nothing about how the share of a
class may move. They take rows as independent of one another.

Where a metric is biased, as the calibration error is (it cannot be negative, so noise
pushes it up), percentiles of resamples may all lie on one side of the value. An interval
is therefore widened to hold its own value, never narrowed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.estimate import Estimate
from pipeline.metrics.table import Floats, Table, values

CHUNK_CELLS = 500_000
"""Rows times resamples held at once: a few arrays of 4 MB, whatever the table's size."""


def estimates(
    table: Table, *, replicates: int, confidence: float, seed: int | list[int]
) -> dict[str, Estimate]:
    """Every metric of the table with its interval.

    Parameters
    ----------
    table
        Rows with a truth and a valid score.
    replicates
        Resamples.
    confidence
        Share of resamples inside the interval, such as 0.95.
    seed
        Of NumPy's default generator; the same seed gives the same intervals.

    Returns
    -------
    dict
        An :class:`Estimate` a metric. If it has no value, or has none in even one
        resample, its interval is None and ``why`` says so.
    """
    found = values(table)
    missing = {name: table.why(name) for name, value in found.items() if not np.isfinite(value)}
    few = {name: why for name in found if (why := table.few(name)) is not None}
    drawn = {} if len(few) == len(found) else resampled(table, replicates, seed)

    def estimate(name: str, value: float) -> Estimate:
        if name in missing:
            return Estimate(None, None, None, missing[name])
        if name in few:
            return Estimate(value, None, None, few[name])
        return _interval(value, drawn[name], confidence)

    return {name: estimate(name, value) for name, value in found.items()}


def resampled(table: Table, replicates: int, seed: int | list[int]) -> dict[str, Floats]:
    """Every metric in each of ``replicates`` resamples, ``(replicates,)`` by name.

    Memory is bound by ``CHUNK_CELLS``, or by one resample where the table is larger.
    """
    random = np.random.default_rng(seed)
    sizes = [len(rows) for rows in table.strata]
    step = max(1, CHUNK_CELLS // max(1, sum(sizes)))
    parts: list[dict[str, Floats]] = []
    for start in range(0, replicates, step):
        count = min(step, replicates - start)
        weights = [np.empty((count, size)) for size in sizes]
        for row in range(count):
            for weight in weights:
                weight[row] = draw(random, weight.shape[1])
        parts.append(dict(table.metrics(*weights)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def draw(random: np.random.Generator, rows: int) -> NDArray[np.intp]:
    """How often each of ``rows`` rows came up in ``rows`` draws with replacement."""
    return np.bincount(random.integers(0, rows, size=rows), minlength=rows)


def _interval(value: float, drawn: Floats, confidence: float) -> Estimate:
    lost = int(np.count_nonzero(~np.isfinite(drawn)))
    if lost:
        return Estimate(value, None, None, f"no value in {lost} of {len(drawn)} resamples")
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, min(float(low), value), max(float(high), value))
