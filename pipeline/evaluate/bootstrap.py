"""Percentile bootstrap intervals (Efron and Tibshirani 1993, An Introduction to the Bootstrap).

A resample is not built: it is a count for each row of how often it was drawn, and the
metrics take counts as weights. Rows are drawn within each label, so all resamples have as
many positives as the table; intervals say nothing about how the share of positives may
move, and take rows as independent of one another.

Where a metric is biased, as the calibration error is (it cannot be negative, so noise
pushes it up), percentiles of resamples may all lie on one side of the value. An interval
is therefore widened to hold its own value, never narrowed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluate.results import Estimate
from pipeline.metrics import Floats, Ranking, why
from pipeline.params import METRICS

CHUNK_CELLS = 500_000
"""Rows times resamples held at once: a few arrays of 4 MB, whatever the table's size."""

FEWEST = 10
"""Rows that each label needs to be resampled.

k rows have C(2k - 1, k) distinct resamples: 92,378 for ten, but 126 for five and one for
one, where an interval would look certain because there is nothing to vary.
"""


def estimates(
    positive: NDArray[np.bool_],
    p: Floats,
    threshold: float,
    *,
    replicates: int,
    confidence: float,
    seed: int | list[int],
) -> dict[str, Estimate]:
    """Every metric of ``params.METRICS`` with its interval.

    Parameters
    ----------
    positive, p
        Labels and probabilities ``(n,)``; finite, from 0 to 1.
    threshold
        A row is predicted positive at or above it.
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
    ranking = Ranking(positive, p, threshold)
    positives, negatives = len(ranking.positives), len(ranking.negatives)
    weights = np.ones(len(p))
    values = {name: float(of[0]) for name, of in ranking.metrics(*ranking.split(weights)).items()}
    missing = {
        name: why(name, positives, negatives, ranking.predicted)
        for name in METRICS
        if not np.isfinite(values[name])
    }
    if min(positives, negatives) < FEWEST:
        few = f"{positives} positives and {negatives} negatives, fewer than {FEWEST} of a label"
        return {
            name: Estimate(None, None, None, missing[name])
            if name in missing
            else Estimate(values[name], None, None, few)
            for name in METRICS
        }
    drawn = resampled(ranking, replicates, seed)
    return {
        name: Estimate(None, None, None, missing[name])
        if name in missing
        else _interval(values[name], drawn[name], confidence)
        for name in METRICS
    }


def resampled(ranking: Ranking, replicates: int, seed: int | list[int]) -> dict[str, Floats]:
    """Every metric in each of ``replicates`` resamples, ``(replicates,)`` by name.

    Memory is bound by ``CHUNK_CELLS``, or by one resample where the table is larger.
    """
    random = np.random.default_rng(seed)
    positives, negatives = len(ranking.positives), len(ranking.negatives)
    step = max(1, CHUNK_CELLS // max(1, positives + negatives))
    found = {name: np.empty(replicates) for name in METRICS}
    for start in range(0, replicates, step):
        stop = min(start + step, replicates)
        high = np.empty((stop - start, positives))
        low = np.empty((stop - start, negatives))
        for row in range(stop - start):
            high[row] = draw(random, positives)
            low[row] = draw(random, negatives)
        for name, values in ranking.metrics(high, low).items():
            found[name][start:stop] = values
    return found


def draw(random: np.random.Generator, rows: int) -> NDArray[np.intp]:
    """How often each of ``rows`` rows came up in ``rows`` draws with replacement."""
    return np.bincount(random.integers(0, rows, size=rows), minlength=rows)


def _interval(value: float, drawn: Floats, confidence: float) -> Estimate:
    lost = int(np.count_nonzero(~np.isfinite(drawn)))
    if lost:
        return Estimate(value, None, None, f"no value in {lost} of {len(drawn)} resamples")
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, min(float(low), value), max(float(high), value))
