"""An estimated metric with its interval and standard error, from influence functions.

``positive`` and ``negative`` are the influence of a row on the metric if its label turns out so.
If a row is positive with probability p, the variance of the metric of n rows is the sum over rows
of

- p (1 - p) (positive - negative)^2 / n^2: from the labels of these rows,
- (p positive + (1 - p) negative)^2 / n^2: from the sampling of rows.

The interval covers the first only: it predicts the metric of these rows once their labels are
known, if the probabilities are calibrated. ``error`` covers both: how much two nights of the same
kind differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from assay.columns.features import Floats
from assay.metrics.estimate import round_value

UNBOUNDED = frozenset({"log_loss", "rmse", "mae", "bias"})
"""Metrics that are not a share of 1; their intervals are computed without the logit scale."""


@dataclass(frozen=True)
class MetricEstimate:
    """An estimated metric.

    Attributes
    ----------
    low, high
        Prediction interval for the metric once the labels of these rows are known.
    error
        Standard error, with both rows and labels sampled.
    why
        Why there is no value, or no interval; None if there are both.
    """

    value: float | None
    low: float | None
    high: float | None
    error: float | None
    why: str | None = None

    def without_interval(self, why: str | None) -> MetricEstimate:
        """The value alone, if ``why`` is given."""
        if why is None or self.value is None:
            return self
        return MetricEstimate(self.value, None, None, None, why)

    def within(self, low: float, high: float) -> MetricEstimate:
        """A copy with this interval, extended to contain the value, if there is a value."""
        if self.value is None:
            return self
        return MetricEstimate(
            self.value, min(low, self.value), max(high, self.value), self.error, self.why
        )

    def plain(self) -> dict[str, object]:
        """The values for JSON; ``why`` only where something is missing."""
        found: dict[str, object] = {
            name: round_value(getattr(self, name)) for name in ("value", "low", "high", "error")
        }
        return found if self.why is None else {**found, "why": self.why}


def missing_estimate(why: str) -> MetricEstimate:
    """No value, with the reason."""
    return MetricEstimate(None, None, None, None, why)


@dataclass(frozen=True)
class CellInfluence:
    """A metric and the influence of a row of each cell on it; arrays of shape (cells,)."""

    value: float
    positive: Floats
    negative: Floats


def estimate_metric(
    name: str, found: CellInfluence, counts: Floats, means: Floats, confidence: float
) -> MetricEstimate:
    """The metric with its interval.

    Parameters
    ----------
    counts, means
        Rows in each cell, and their mean probability.
    """
    if not math.isfinite(found.value):
        return missing_estimate("it came out as not a number")
    labels, rows = variances(found, counts, means)
    low, high = interval(name, found.value, math.sqrt(labels), confidence)
    return MetricEstimate(found.value, low, high, math.sqrt(labels + rows))


def variances(found: CellInfluence, counts: Floats, means: Floats) -> tuple[float, float]:
    """The variance from the labels of these rows, and the variance from the sampling of rows."""
    n = float(counts.sum())
    apart = np.square(found.positive - found.negative) * means * (1 - means)
    middle = np.square(means * found.positive + (1 - means) * found.negative)
    return float(counts @ apart) / n**2, float(counts @ middle) / n**2


def interval(name: str, value: float, error: float, confidence: float) -> tuple[float, float]:
    """The normal interval; for a share it is computed on the logit scale, so it stays in [0, 1]."""
    z = NormalDist().inv_cdf((1 + confidence) / 2) * error
    if name in UNBOUNDED:
        floor = -math.inf if name == "bias" else 0.0
        return max(value - z, floor), value + z
    if not 0 < value < 1:
        return max(value - z, 0.0), min(value + z, 1.0)
    middle, reach = math.log(value / (1 - value)), z / (value * (1 - value))
    return _share(middle - reach), _share(middle + reach)


def _share(odds: float) -> float:
    if odds < 0:
        return math.exp(odds) / (1 + math.exp(odds)) if odds > -700 else 0.0
    return 1 / (1 + math.exp(-odds))


def envelope(
    middle: Mapping[str, MetricEstimate], *others: Mapping[str, MetricEstimate]
) -> dict[str, MetricEstimate]:
    """``middle``, with intervals widened to contain those of the others."""
    found = {}
    for name, one in middle.items():
        lows = [each[name].low for each in (middle, *others)]
        highs = [each[name].high for each in (middle, *others)]
        known_lows = [low for low in lows if low is not None]
        known_highs = [high for high in highs if high is not None]
        found[name] = MetricEstimate(
            one.value,
            min(known_lows) if one.low is not None else None,
            max(known_highs) if one.high is not None else None,
            one.error,
            one.why,
        )
    return found
