"""Intervals of the project's own metrics: a bootstrap of the units of independence.

Of a function that is only known by its values there are no derivatives, so units
(`assay.metrics.sampling_units`) are drawn with replacement, as many as there are, and the metric is
computed from their rows. Classes and slices vary with the units, as they do from sample to sample.

The draws give the standard error, and with it the t distribution with Hall's correction that all
intervals are made with. Percentiles of the draws would be too narrow with few units: their spread
is that of a sample whose mean is known, and their tails are those of the normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from assay.errors import PluginError
from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import FEWEST, NO_NUMBER, Floats, Ints
from assay.metrics.influence import LEAST_DEGREES, SamplingVariation, autocorrelated
from assay.metrics.intervals.difference import (
    NOTHING,
    Difference,
    measured_difference,
    missing_difference,
)
from assay.metrics.intervals.reliability import worth_warning
from assay.metrics.own_metrics import Measure
from assay.metrics.sampling_units import LEAST_UNITS, SamplingUnits, plural_unit
from assay.project.text import counted

DRAWS = 1000
"""The standard error is then off by 2 % by chance, the interval as well."""
MOST_LOST = DRAWS // 100
"""So many draws may have no value; a metric that is missing more often has no interval."""
METHOD = "bootstrap of the units"


def bootstrap_estimate(
    measure: Measure, rows: int, units: SamplingUnits, confidence: float, seed: int
) -> Estimate:
    """A metric of all ``rows`` rows with its interval, or the reason why there is none."""
    try:
        value = measure(np.arange(rows))
    except PluginError as error:
        return Estimate(None, None, None, error.line())
    if not math.isfinite(value):
        return Estimate(None, None, None, NO_NUMBER)
    lacking = _too_few(rows, units)
    if lacking is not None:
        why, needed = lacking
        return Estimate(value, None, None, why, few=True, needed=needed)
    drawn = np.array([_value(measure, chosen) for chosen in _draws(rows, units, seed)])
    try:
        varies = _variation(drawn, units, _left_out(measure, rows, units))
    except ValueError as error:
        return Estimate(value, None, None, str(error), few=True)
    low, high = varies.distribution(value).interval(confidence)
    return Estimate(
        value,
        min(low, value),
        max(high, value),
        degrees=round(varies.degrees, 2),
        worth=varies.worth,
        doubt=worth_warning(varies, units),
    )


def bootstrap_difference(
    champion: Measure,
    challenger: Measure,
    *,
    alike: bool,
    rows: int,
    units: SamplingUnits,
    confidence: float,
    seed: int,
) -> Difference:
    """The challenger's metric minus the champion's, on the same rows of each draw.

    Parameters
    ----------
    alike
        The two models give the same scores and answers to each row.
    """
    everything = np.arange(rows)
    values, reasons = [], []
    for who, measure in (("champion", champion), ("challenger", challenger)):
        try:
            values.append(measure(everything))
        except PluginError as error:
            values.append(math.nan)
            reasons.append(f"{who}: {error.line()}")
            continue
        if not math.isfinite(values[-1]):
            reasons.append(f"{who}: {NO_NUMBER}")
    before, after = values
    if reasons:
        return missing_difference(METHOD, before, after, "; ".join(reasons))
    lacking = _too_few(rows, units)
    if lacking is not None:
        why, needed = lacking
        return missing_difference(METHOD, before, after, why, few=True, needed=needed)
    if alike:
        return measured_difference(METHOD, before, after, NOTHING, confidence)

    def difference(chosen: Ints) -> float:
        return _value(challenger, chosen) - _value(champion, chosen)

    drawn = np.array([difference(each) for each in _draws(rows, units, seed)])
    try:
        varies = _variation(drawn, units, _left_out(difference, rows, units))
    except ValueError as error:
        return missing_difference(METHOD, before, after, str(error), few=True)
    found = measured_difference(METHOD, before, after, varies, confidence)
    return replace(found, doubt=worth_warning(varies, units))


def _too_few(rows: int, units: SamplingUnits) -> tuple[str, int | None] | None:
    """Why there are too few rows or units for an interval, and how many units are needed."""
    if rows < FEWEST:
        return f"{counted(rows, 'row')}, fewer than {FEWEST}", None
    return None if units.few is None else (units.few, LEAST_UNITS)


def _value(measure: Measure, rows: Ints) -> float:
    """NaN also where the function fails, as some do on rows of a single class."""
    try:
        return measure(rows)
    except PluginError:
        return math.nan


def _draws(rows: int, units: SamplingUnits, seed: int) -> Iterator[Ints]:
    """The row numbers of each draw of units."""
    rng = np.random.default_rng(seed)
    if units.codes is None:
        for _ in range(DRAWS):
            yield rng.integers(rows, size=rows)
        return
    order = np.argsort(units.codes, kind="stable")
    sizes = np.bincount(units.codes, minlength=units.count)
    starts = np.cumsum(sizes) - sizes
    for _ in range(DRAWS):
        chosen = rng.integers(units.count, size=units.count)
        many = sizes[chosen]
        first = np.repeat(starts[chosen] - (np.cumsum(many) - many), many)
        yield order[first + np.arange(len(first))]


def _left_out(measure: Measure, rows: int, units: SamplingUnits) -> Floats:
    """What leaving out each night changes ``(count,)``; units without an order are not asked."""
    if not units.in_order or units.codes is None:
        return np.zeros(units.count)
    every = np.arange(rows)
    without = np.array([_value(measure, every[units.codes != one]) for one in range(units.count)])
    known = np.isfinite(without)
    return np.where(known, without - without[known].mean(), 0.0) if known.any() else without * 0


def _variation(drawn: Floats, units: SamplingUnits, left_out: Floats) -> SamplingVariation:
    """The variation between samples of as many units.

    Draws of single nights know nothing of their order, which ``left_out`` shows.

    Raises
    ------
    ValueError
        The draws do not show it; the message says why.
    """
    many, count = plural_unit(units.name), units.count
    found = drawn[np.isfinite(drawn)]
    lost = len(drawn) - len(found)
    if lost > MOST_LOST:
        raise ValueError(f"it had no value in {lost:,} of {len(drawn):,} resamples of the {many}")
    spread = float(found.std())
    if spread <= 1e-12 * float(np.abs(found).max()):
        raise ValueError(
            f"it is the same in all resamples of the {many}, which does not say how sure it is"
        )
    parts = (found - found.mean()) / spread
    skew = float(np.mean(parts**3))
    # What draws of a distribution without either would show by chance, and few units as well.
    noise = 6 / len(found) + 15 / count**2
    excess = float(np.mean(parts**4)) - 3 - 2 * math.sqrt(24 / len(found))
    surely = float(np.clip(skew**3 / (skew**2 + noise), -1, 1))
    longer, worth = autocorrelated(left_out, units)
    return SamplingVariation(
        standard_error=spread * math.sqrt(longer * count / (count - 1)),
        degrees=2 / (2 / max(worth - 1, LEAST_DEGREES) + max(0.0, excess)),
        skew=surely,
        doubtful_skew=surely,
        design_effect=None,
        worth=worth if units.in_order else None,
    )
