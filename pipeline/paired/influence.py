"""What each row does to a metric, and what that makes of a difference.

A metric is a function of the rows' weights, and its derivatives with respect to them say how
far each row moves it (the infinitesimal jackknife: Jaeckel 1972, Efron 1982, The Jackknife, the
Bootstrap and Other Resampling Plans, chapter 6; for functions of means it is the delta method,
for means themselves the paired t). The difference of two metrics of the same rows is such a
function too: its derivatives are the differences of theirs, and their variance is the paired one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pipeline.metrics.table import Floats
from pipeline.paired.bounds import Bounds


@dataclass(frozen=True)
class Influence:
    """A metric's derivatives.

    Attributes
    ----------
    rows
        Of shape (n,): n times the derivative with respect to the row's weight. Their mean is 0.
    steps
        Of a metric of answers that are right or wrong: by how much, times n, one more right
        answer moves it, once for each share that it is made of. Empty for the others.
    """

    rows: Floats
    steps: Floats = field(default_factory=lambda: np.zeros(0))


def bounds(value: float, champion: Influence, challenger: Influence) -> Bounds:
    """The bounds of the difference ``value`` of two metrics of the same rows.

    Where two models give nearly always the same answers, the few rows on which they part say
    little about how often they part elsewhere, and none at all would say "never". So half a
    row more is counted on either side of each share (Agresti and Min 2005, "Simple improved
    confidence intervals for comparing matched proportions", Statistics in Medicine 24, 729-740).
    """
    rows = challenger.rows - champion.rows
    n = len(rows)
    rows = rows - rows.mean()
    steps = np.maximum(np.abs(champion.steps), np.abs(challenger.steps))
    spread = float((rows @ rows) * n / (n - 1) + steps @ steps)
    if spread == 0:
        return Bounds(value, 0.0, float(n - 1))
    part = share(rows / spread**0.5)
    fourth = part.fourth + float(np.sum(steps**4)) / spread**2
    return Bounds(value, spread**0.5 / n, degrees(1 / fourth, n), skew(part.third, part.sixth))


class Share(NamedTuple):
    """Sums of powers of what rows contribute to a number whose variance is 1."""

    third: float
    fourth: float
    sixth: float


def share(rows: Floats) -> Share:
    """Of contributions ``(n,)`` with a mean of 0."""
    squares = np.square(rows)
    cubes = squares * rows
    return Share(float(cubes.sum()), float(squares @ squares), float(cubes @ cubes))


def degrees(effective: float, rows: int) -> float:
    """Degrees of freedom of a variance to which ``effective`` of the rows contribute.

    Their number is Kish's (1965, Survey Sampling, chapter 11), with squares as weights. Where a
    few rows make up most of a variance it is known no better than from those few. One more is
    counted: a single row then gives two degrees, and two models whose answers never part get a
    bound near the exact one of a share of which nothing was seen.
    """
    return float(min(effective + 1, rows - 1))


def skew(third: float, sixth: float) -> float:
    """The skewness, drawn to 0 by as much of it as is noise.

    A sample's skewness has the variance ``sixth`` where there is none in truth. Rows with heavy
    tails to both sides show one all the same, and correcting for it would do harm.
    """
    return third**3 / (third**2 + sixth) if sixth else 0.0
