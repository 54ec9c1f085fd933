"""The chance of a value that is as far on the good side of a limit, were the truth at the limit.

A stated interval answers for its own confidence only. To answer for another one, the distribution
that has this interval is found: of shares, whose intervals are symmetric on the log odds (Wilson's
too: Newcombe 2001, The American Statistician 55, 200-202), a t distribution on that scale; of other
values Student's t with Hall's correction (`assay.metrics.influence`), whose skewness
follows from the lengths of both halves.
"""

from __future__ import annotations

import math

from assay.metrics.influence import SamplingDistribution

_MOST_SKEW = 0.55
"""Beyond, the ratio of both halves no longer tells one skewness from another."""
_STEPS = 60


def chance_at_limit(
    value: float,
    low: float,
    high: float,
    limit: float,
    *,
    confidence: float,
    degrees: float | None = None,
    share: bool = False,
) -> float:
    """One-sided p-value of ``value``, which lies on the good side of ``limit``, on either side.

    Parameters
    ----------
    low, high
        The interval of ``value`` at this two-sided confidence.
    degrees
        Degrees of freedom of the interval; None for a normal distribution.
    share
        The value is a share, or another number from 0 to 1 whose interval is made on the log odds.
    """
    if low == value == high:
        return 0.0  # nothing varies: it is known exactly
    if share and 0 < low <= value <= high < 1 and 0 < limit < 1:
        value, low, high, limit = (_log_odds(each) for each in (value, low, high, limit))
    if share and value in (0, 1) and 0 < limit < 1 and low < high:
        return _none_or_all(
            low if value else 1 - high, limit if value else 1 - limit, confidence, degrees
        )
    number = _fitted(value, value - low, high - value, confidence, degrees)
    return number.p_above(limit) if value >= limit else number.p_below(limit)


def _none_or_all(end: float, limit: float, confidence: float, degrees: float | None) -> float:
    """That of a share of 1, whose Wilson interval begins at n / (n + z^2), over a lower limit."""
    if end <= 0:
        return 1.0
    reach = SamplingDistribution(0.0, 1.0, degrees).interval(confidence)[1]
    far = reach * math.sqrt(end / (1 - end) * (1 - limit) / limit)
    return SamplingDistribution(far, 1.0, degrees).p_above(0.0)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def _fitted(
    value: float, down: float, up: float, confidence: float, degrees: float | None
) -> SamplingDistribution:
    """The distribution whose interval reaches so far down and up from ``value``."""

    def reach(skew: float) -> tuple[float, float]:
        low, high = SamplingDistribution(0.0, 1.0, degrees, skew).interval(confidence)
        return -low, high

    # A half that was cut off, such as at 0, says nothing about the skewness.
    if down <= 0 or up <= 0:
        return SamplingDistribution(value, max(down, up) / reach(0.0)[1], degrees)
    least, most = -_MOST_SKEW, _MOST_SKEW
    for _ in range(_STEPS):
        middle = (least + most) / 2
        below, above = reach(middle)
        # The longer the upper half, the larger the skewness.
        if min(below, above) > 0 and up * below > down * above:
            least = middle
        else:
            most = middle
    skew = (least + most) / 2
    below, above = reach(skew)
    return SamplingDistribution(value, (down + up) / (below + above), degrees, skew)
