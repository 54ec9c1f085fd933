"""Power of a comparison: the smallest detectable difference, and the sample size needed.

Standard errors shrink with the root of the number of units (`assay.metrics.sampling_units`), nights
or rows. A two-sided interval of a given confidence separates a truth from the limit with a given
power if their distance is at least the sum of both normal quantiles times the standard error (Chow,
Shao and Wang 2008, Sample Size Calculations in Clinical Research, chapter 3).
"""

from __future__ import annotations

import math

from assay.metrics.influence import SamplingDistribution
from assay.metrics.sampling_units import (
    ROW,
    SamplingUnits,
    format_rounded_count,
    format_unit_count,
    plural_unit,
)
from assay.project.text import counted

MOST = 10_000_000_000
"""A larger number of rows or nights is no useful advice."""


def minimum_detectable_effect(
    standard_error: float,
    confidence: float,
    power: float,
    degrees: float | None = None,
    skew: float = 0.0,
) -> float:
    """The smallest distance above the limit that is detected with this power.

    Parameters
    ----------
    degrees, skew
        As in `assay.metrics.influence.SamplingDistribution`, of a value that is better
        when higher.

    Notes
    -----
    The lower end of the interval has to stay above the limit in a share ``power`` of holdouts; both
    ends use the same correction as the interval itself. A standard error with few degrees of
    freedom is more often too small than too large, so it is corrected by the median of its
    chi-square distribution.
    """
    from scipy import special

    if degrees is not None:
        standard_error *= math.sqrt(degrees / float(special.chdtri(degrees, 0.5)))
    number = SamplingDistribution(0.0, standard_error, degrees, skew)
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
    """Number of units that separate a truth of ``value`` from ``worst``.

    Parameters
    ----------
    count
        Number of units that ``standard_error`` was measured with.
    value
        The assumed truth: 0 for a challenger that is as good as the champion.

    Returns
    -------
    int | None
        None if no number is enough or it is above `MOST`.
    """
    distance = abs(value - worst)
    if not distance:
        return None
    ratio = minimum_detectable_effect(standard_error, confidence, power) / distance
    needed = count * ratio * ratio
    return math.ceil(needed) if needed <= MOST else None


def units_for_difference(
    count: int, bounds: SamplingDistribution, worst: float, confidence: float, power: float
) -> int | None:
    """Number of units that separate this difference from ``worst``; None if none is enough.

    It takes the truth nearer to the limit of two: the models are equal, or they differ by the
    measured amount. With the first alone, a challenger measured close to the limit would be
    promised an answer that it cannot get.
    """
    alike = worst != 0 and (worst < 0) == (bounds.value > worst)
    nearest = min(bounds.value, 0.0, key=lambda it: abs(it - worst)) if alike else bounds.value
    return units_needed(count, bounds.standard_error, nearest, worst, confidence, power)


def describe_power(
    rows: int,
    units: SamplingUnits,
    where: str,
    better: str,
    bounds: SamplingDistribution,
    worst: float,
    confidence: float,
    power: float,
) -> str:
    """The smallest effect that was detectable, and how many units are needed, in words.

    Parameters
    ----------
    where
        What has these rows, such as "this slice".
    better
        Which values are better (`assay.project.tasks.describe_direction`).
    bounds
        The difference, signed so that higher is better.
    """
    least = minimum_detectable_effect(
        bounds.standard_error, confidence, power, bounds.degrees, bounds.skew
    )
    size = (
        counted(rows, "row")
        if units.name == ROW
        else f"{format_unit_count(units.count, units.name)}"
    )
    seen = f"{where} of {size} {_blind(better, worst, format_number(least))}"
    needed = units_for_difference(units.count, bounds, worst, confidence, power)
    if needed is None:
        many = plural_unit(units.name)
        return f"{seen}; it lies so near the limit that no number of {many} would tell"
    if needed <= units.count:
        # Alone it is separated from the limit, but not after correction over all slices.
        return f"{seen}; by itself it could tell, among all the slices it cannot"
    return f"{seen}; about {format_rounded_count(needed, units.name)} would tell"


def format_number(number: float) -> str:
    """Two significant digits, thousands separators, no exponent: 0.031, 1,900."""
    if number == 0:
        return "0"
    digits = 1 - math.floor(math.log10(abs(number)))
    rounded = round(number, digits)
    return f"{rounded:,.{max(0, digits)}f}"


def _blind(better: str, worst: float, least: str) -> str:
    """The effect that cannot be detected, in the metric's own direction."""
    if worst > 0:
        gain = {"higher": "rise", "lower": "drop", "nearer 0": "move to 0"}[better]
        return f"cannot tell a {gain} of {format_number(worst)} to within {least}"
    loss = {"higher": "drop", "lower": "rise", "nearer 0": "move from 0"}[better]
    return f"cannot see a {loss} under {least}"
