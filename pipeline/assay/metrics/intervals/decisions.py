"""Decides for each measured value whether it passes a limit: pass, fail or unsure.

A rule requires of every slice that the truth is not below ``worst``. All have to pass, so passing
needs no correction (an intersection-union test: Berger 1982, Technometrics 24, 295-300). One
failing slice fails the rule, so with many slices chance alone would fail it. p-values of failures
are therefore corrected over the slices: by Holm (1979, Scandinavian Journal of Statistics 6,
65-70), which limits the chance of any false FAIL, or by Benjamini and Hochberg (1995, Journal of
the Royal Statistical Society B 57, 289-300), which limits the share of false ones among those that
FAIL. Everything else is unsure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.metrics.evaluator import Floats
from assay.metrics.influence import SamplingDistribution
from assay.project.tasks import NEARER_ZERO_IS_BETTER, NO_OWN, OwnMetrics, orient_value

Call = Literal["pass", "fail", "unsure"]
Correction = Literal["holm", "benjamini-hochberg", "none"]


@dataclass(frozen=True)
class IntervalDecision:
    """The decision on one value.

    Attributes
    ----------
    low, high
        Its interval, not corrected for the number of values.
    p
        p-value of the hypothesis that the truth is not below the limit.
    p_adjusted
        The same, corrected over all values of the rule.
    """

    call: Call
    low: float
    high: float
    p: float
    p_adjusted: float


def decide_all(
    numbers: Sequence[SamplingDistribution],
    worst: float,
    *,
    confidence: float,
    correction: Correction,
) -> list[IntervalDecision]:
    """One decision for each value of a rule.

    Parameters
    ----------
    numbers
        Values that are better when higher (see `orient_difference`).
    worst
        The limit that the truth must not lie below.
    confidence
        Of the two-sided interval, such as 0.95. A truth exactly at ``worst`` passes, and fails,
        with a probability of at most (1 - ``confidence``) / 2 each.

    Raises
    ------
    ValueError
        ``worst`` is not a finite number, or ``confidence`` is not between 0 and 1.
    """
    if not math.isfinite(worst):
        raise ValueError(f"limit {worst} is not a finite number")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    p = np.array([number.p_below(worst) for number in numbers], np.float64)
    return [
        _decision(number, worst, confidence, float(one), float(adjusted_one))
        for number, one, adjusted_one in zip(
            numbers, p, adjust_p_values(p, correction), strict=True
        )
    ]


def adjust_p_values(p: Floats, correction: Correction) -> Floats:
    """p-values ``(n,)`` corrected for n tests, in the same order."""
    if correction == "none" or not len(p):
        return p
    order = np.argsort(p, kind="stable")
    place = np.arange(len(p))
    if correction == "holm":
        steps = np.maximum.accumulate(p[order] * (len(p) - place))
    else:
        scaled = p[order] * len(p) / (place + 1)
        steps = np.minimum.accumulate(scaled[::-1])[::-1]
    result = np.empty_like(p)
    result[order] = np.minimum(steps, 1.0)
    return result


def _decision(
    number: SamplingDistribution, worst: float, confidence: float, p: float, p_adjusted: float
) -> IntervalDecision:
    low, high = number.interval(confidence)
    call: Call = "unsure"
    if low >= worst:
        call = "pass"
    elif p_adjusted < (1 - confidence) / 2:
        call = "fail"
    return IntervalDecision(call, low, high, p, p_adjusted)


if TYPE_CHECKING:
    from assay.metrics.intervals.difference import Difference


def orient_difference(
    metric: str, difference: Difference, own: OwnMetrics = NO_OWN
) -> SamplingDistribution | None:
    """The difference, signed so that higher is better for the challenger; None if not measured.

    A bias is better the nearer it is to 0, so the value is the champion's distance from 0 minus the
    challenger's. Its standard error is no larger than the one that
    `assay.metrics.intervals.difference.Difference` has for a bias.
    """
    bounds = difference.distribution
    champion, challenger = difference.champion, difference.challenger
    if bounds is None or champion is None or challenger is None:
        return None
    if metric in NEARER_ZERO_IS_BETTER:
        value = orient_value(metric, challenger) - orient_value(metric, champion)
        # On the same side of 0 this is the plain difference, with its skew or the opposite one.
        side = np.sign(challenger)
        skew = -side * bounds.skew if side == np.sign(champion) else 0.0
        return SamplingDistribution(value, bounds.standard_error, bounds.degrees, float(skew))
    return bounds if orient_value(metric, 1.0, own) > 0 else bounds.negated()
