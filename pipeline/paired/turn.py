"""Differences so turned that more is better, as limits are stated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.metrics.bounds import Bounds
from pipeline.tasks import NEARER_ZERO_IS_BETTER, goodness

if TYPE_CHECKING:
    from pipeline.paired.difference import Difference


def turned(metric: str, difference: Difference) -> Bounds | None:
    """How much better the challenger is; None where that could not be measured.

    A bias is better the nearer it is to 0: there it is the champion's distance from 0 less
    the challenger's. The standard error of that is no larger than the one that
    `pipeline.paired.difference.Difference` has for a bias.
    """
    bounds = difference.bounds
    champion, challenger = difference.champion, difference.challenger
    if bounds is None or champion is None or challenger is None:
        return None
    if metric in NEARER_ZERO_IS_BETTER:
        value = goodness(metric, challenger) - goodness(metric, champion)
        # On the same side of 0 the two are one difference, with its skew or against it.
        side = 0 if champion * challenger <= 0 else (1 if challenger < 0 else -1)
        return Bounds(value, bounds.standard_error, bounds.degrees, side * bounds.skew)
    return bounds if goodness(metric, 1.0) > 0 else bounds.negated()
