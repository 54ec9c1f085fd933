"""What a comparison could have told, and how many units would tell it.

Standard errors shrink with the root of the units (`assay.metrics.units`): nights, or rows. A
truth that lies ``d`` off the limit is told from it, with the confidence of a two-sided interval
and a given power, if ``d`` is at least the sum of both normal quantiles times the standard error
(Chow, Shao and Wang 2008, Sample Size Calculations in Clinical Research, chapter 3).
"""

from __future__ import annotations

import math

from scipy import special

from assay.metrics.bounds import Bounds
from assay.metrics.units import ROW, Units, about, counted, many
from assay.project.tasks import better

MOST = 10_000_000_000
"""Above it a number of rows or nights is no advice."""


def detectable(
    standard_error: float,
    confidence: float,
    power: float,
    degrees: float | None = None,
    skew: float = 0.0,
) -> float:
    """The smallest distance above the limit that is told from it with this power.

    Parameters
    ----------
    degrees, skew
        As `assay.metrics.bounds.Bounds` has them, of a number that is turned.

    Notes
    -----
    The lower end of the interval has to stay above the limit in so many of the holdouts as
    ``power`` says: both ends go through the same correction as the interval itself. A standard
    error of few degrees is more often too small than too large, by the median of its chi-square
    distribution.
    """
    if degrees is not None:
        standard_error *= math.sqrt(degrees / float(special.chdtri(degrees, 0.5)))
    number = Bounds(0.0, standard_error, degrees, skew)
    low, _ = number.interval(confidence)
    _, high = number.interval(2 * power - 1)
    return max(0.0, high - low)


def units_needed(
    count: int,
    standard_error: float,
    value: float,
    worst: float,
    confidence: float,
    power: float,
) -> int | None:
    """Units that tell a truth of ``value`` from ``worst``.

    Parameters
    ----------
    count
        Of those that have this standard error.
    value
        What the truth is taken to be: 0 for a challenger that is as good as the champion.

    Returns
    -------
    int | None
        None if so many would be needed that it is no advice, or none would do.
    """
    distance = abs(value - worst)
    if not distance:
        return None
    ratio = detectable(standard_error, confidence, power) / distance
    needed = count * ratio * ratio
    return math.ceil(needed) if needed <= MOST else None


def telling(
    count: int, bounds: Bounds, worst: float, confidence: float, power: float
) -> int | None:
    """Units that would tell this difference from ``worst``; None if none would do.

    For the harder of two truths on this side of the limit: that the models are alike, and
    that they differ as they do here. Were it for the first alone, a challenger that is seen
    close to the limit would be promised an answer that it cannot get.
    """
    alike = worst != 0 and (worst < 0) == (bounds.value > worst)
    nearest = min(bounds.value, 0.0, key=lambda it: abs(it - worst)) if alike else bounds.value
    return units_needed(count, bounds.standard_error, nearest, worst, confidence, power)


def sentence(
    rows: int,
    units: Units,
    where: str,
    metric: str,
    bounds: Bounds,
    worst: float,
    confidence: float,
    power: float,
) -> str:
    """What was too small to be seen, and how many units would show it.

    Parameters
    ----------
    where
        What has these rows, such as "this slice".
    bounds
        Turned, so that more is better.
    """
    least = detectable(bounds.standard_error, confidence, power, bounds.degrees, bounds.skew)
    size = f"{rows:,} rows" if units.name == ROW else f"{counted(units.count, units.name)}"
    seen = f"{where} of {size} {_blind(metric, worst, plain(least))}"
    needed = telling(units.count, bounds, worst, confidence, power)
    if needed is None:
        return f"{seen}; it lies so near the limit that no number of {many(units.name)} would tell"
    if needed <= units.count:
        # It is told from the limit by itself, not among all the slices.
        return f"{seen}; by itself it could tell, among all the slices it cannot"
    return f"{seen}; about {about(needed, units.name)} would tell"


def plain(number: float) -> str:
    """Two digits that count, thousands parted, no exponent: 0.031, 1,900."""
    if number == 0:
        return "0"
    digits = 1 - math.floor(math.log10(abs(number)))
    rounded = round(number, digits)
    return f"{rounded:,.{max(0, digits)}f}"


def _blind(metric: str, worst: float, least: str) -> str:
    """What cannot be seen, in the metric's own direction."""
    way = better(metric)
    if worst > 0:
        gain = {"higher": "rise", "lower": "drop", "nearer 0": "move to 0"}[way]
        return f"cannot tell a {gain} of {plain(worst)} to within {least}"
    loss = {"higher": "drop", "lower": "rise", "nearer 0": "move from 0"}[way]
    return f"cannot see a {loss} under {least}"
