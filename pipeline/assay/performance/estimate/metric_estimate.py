"""An estimated metric with its interval, from influence functions.

``positive`` and ``negative`` are the influence of a row on the metric if its label turns out so.
If a row is positive with probability p, the labels of n rows give the metric a variance of the sum
over rows of p (1 - p) (positive - negative)^2 / n^2. That is the interval of the metric of these
rows, if the probabilities are right on this night. How far they may be off is learnt on the
reference's nights (`assay.columns.night_effects`) and widens it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from assay.columns.features import Floats
from assay.columns.night_effects import FEWEST, NightEffects, log_odds

UNKNOWN_NIGHTS = f"fewer than {FEWEST} reference nights show how nights differ"
"""Why there is no interval."""

UNBOUNDED = frozenset({"log_loss", "rmse", "mae", "bias"})
"""Metrics that are not a share of 1; their intervals are computed without the logit scale."""


@dataclass(frozen=True)
class MetricEstimate:
    """An estimated metric.

    Attributes
    ----------
    low, high
        Prediction interval for the metric once the labels of these rows are known.
    why
        Why there is no value or no interval, or why the interval is wider than stated; else None.
    """

    value: float | None
    low: float | None
    high: float | None
    why: str | None = None

    def without_interval(self, why: str | None) -> MetricEstimate:
        """The value alone, if ``why`` is given."""
        if why is None or self.value is None:
            return self
        return MetricEstimate(self.value, None, None, why)

    def within(self, low: float, high: float) -> MetricEstimate:
        """A copy with this interval, extended to contain the value, if there is a value."""
        if self.value is None:
            return self
        return MetricEstimate(self.value, min(low, self.value), max(high, self.value), self.why)

    def widened(self, name: str, reach: float, times: float = 1.0) -> MetricEstimate:
        """A copy whose interval's ends lie further away from the value.

        An independent error adds its variance, so distances add up as the sides of a right angle
        do; for shares on the logit scale, as in `interval`.

        Parameters
        ----------
        reach
            Half the width of the interval of the other error alone, on the metric's own scale.
        times
            How many times as far away the ends are before that.
        """
        if self.value is None or self.low is None or self.high is None:
            return self
        low, high = (
            _further(self.value, end, reach, times, name not in UNBOUNDED)
            for end in (self.low, self.high)
        )
        return self.within(max(low, 0.0) if name != "bias" else low, high)


def _further(value: float, end: float, reach: float, times: float, share: bool) -> float:
    if not share:
        return value + math.copysign(math.hypot(times * (end - value), reach), end - value)
    if not 0 < value < 1 or not 0 < end < 1:
        return end
    middle = _log_odds(value)
    apart = _log_odds(end) - middle
    both = math.hypot(times * apart, reach / (value * (1 - value)))
    return _share(middle + math.copysign(both, apart))


def missing_estimate(why: str) -> MetricEstimate:
    """No value, with the reason."""
    return MetricEstimate(None, None, None, why)


@dataclass(frozen=True)
class CellInfluence:
    """A metric and the influence of a row of each cell on it; arrays of shape (cells,)."""

    value: float
    positive: Floats
    negative: Floats


def estimate_metric(
    name: str, influence: CellInfluence, counts: Floats, means: Floats, confidence: float
) -> MetricEstimate:
    """The metric with its interval.

    Parameters
    ----------
    counts, means
        Rows in each cell, and their mean probability.
    """
    if not math.isfinite(influence.value):
        return missing_estimate("it came out as not a number")
    error = math.sqrt(label_variance(influence, counts, means))
    return MetricEstimate(influence.value, *interval(name, influence.value, error, confidence))


def label_variance(influence: CellInfluence, counts: Floats, means: Floats) -> float:
    """The variance of the metric from the labels of these rows."""
    apart = np.square(influence.positive - influence.negative) * means * (1 - means)
    return float(counts @ apart) / float(counts.sum()) ** 2


def night_reach(
    influence: CellInfluence,
    counts: Floats,
    means: Floats,
    effects: NightEffects,
    confidence: float,
) -> float:
    """How far what differs between nights moves the metric, as half the width of an interval."""
    slopes = counts * (influence.positive - influence.negative) * means * (1 - means)
    return effects.reach(log_odds(means), slopes / counts.sum(), confidence)


def interval(name: str, value: float, error: float, confidence: float) -> tuple[float, float]:
    """The normal interval; for a share it is computed on the logit scale, so it stays in [0, 1]."""
    z = NormalDist().inv_cdf((1 + confidence) / 2) * error
    if name in UNBOUNDED:
        floor = -math.inf if name == "bias" else 0.0
        return max(value - z, floor), value + z
    if not 0 < value < 1:
        return max(value - z, 0.0), min(value + z, 1.0)
    middle, reach = _log_odds(value), z / (value * (1 - value))
    return _share(middle - reach), _share(middle + reach)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def _share(odds: float) -> float:
    if odds < 0:
        return math.exp(odds) / (1 + math.exp(odds)) if odds > -700 else 0.0
    return 1 / (1 + math.exp(-odds))
