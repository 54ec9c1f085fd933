"""How much the mean score of two nights differs where nothing happened, by the nights before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.columns.profile import ColumnProfile
from assay.columns.quantiles import student_t_quantile

NIGHTS = 28
"""The most nights before that are looked at."""
LEAST = 5
"""Fewer changes show too little of how much nights differ."""


@dataclass(frozen=True)
class UsualChange:
    """The interval of changes of the mean score, and how many changes it is from."""

    low: float
    high: float
    changes: int
    confidence: float

    def holds(self, change: float) -> bool:
        return self.low <= change <= self.high


def usual_change(
    scores: Sequence[ColumnProfile], apart: int, confidence: float
) -> UsualChange | None:
    """The interval that the change between two nights so far apart lies in; None if they are few.

    Student's t around no change: a night is one unit, however many rows it has.

    Parameters
    ----------
    scores
        Of the published nights before, in their order.
    apart
        How many nights the two are apart, at least 1.
    """
    known = [each for each in scores if each.rows > each.nulls]
    means = [each.total / (each.rows - each.nulls) for each in known]
    changes = [after - before for before, after in zip(means, means[apart:], strict=False)]
    if len(changes) < LEAST:
        return None
    spread = math.sqrt(math.fsum(each * each for each in changes) / len(changes))
    reach = spread * student_t_quantile((1 - confidence) / 2, len(changes))
    return UsualChange(-reach, reach, len(changes), confidence)
