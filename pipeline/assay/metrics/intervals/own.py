"""The project's own metrics of one model on one table, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import PluginError
from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import FEWEST, NO_NUMBER, Floats, Ints
from assay.metrics.influence import SamplingVariation, sums_variation
from assay.metrics.intervals.difference import (
    NOTHING,
    Difference,
    measured_difference,
    missing_difference,
)
from assay.metrics.intervals.pairing import Contributions
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.own_metrics import Measure, OwnMetric, checked_value
from assay.metrics.sampling_units import LEAST_PLAUSIBLE, SamplingUnits, plural_unit
from assay.project.tasks import OwnMetrics
from assay.project.text import counted

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class OwnMeasures:
    """Own metrics, each as a function of the table's row numbers; ``seed`` of the draws."""

    metrics: tuple[OwnMetric, ...] = ()
    measures: tuple[Measure, ...] = ()
    seed: int = 0

    @classmethod
    def of(
        cls, metrics: Sequence[OwnMetric], frame: pd.DataFrame, scored: LabelledScores, seed: int
    ) -> OwnMeasures:
        """Own metrics of these rows.

        Raises
        ------
        PluginError
            A function fails on all rows, or gives no number, or not the same one again.
        """
        measures = tuple(metric.measure(frame, scored) for metric in metrics)
        for metric, measure in zip(metrics, measures, strict=True):
            checked_value(metric, measure, len(scored))
        return cls(tuple(metrics), measures, seed)

    @property
    def directions(self) -> OwnMetrics:
        return {metric.name: metric.better for metric in self.metrics}

    def estimates(self, rows: Ints, units: SamplingUnits, confidence: float) -> dict[str, Estimate]:
        """Each metric on a selection of the rows, whose units are ``units``."""
        return {
            metric.name: bootstrap_estimate(
                partial(_of_part, measure, rows), len(rows), units, confidence, self.seed
            )
            for metric, measure in zip(self.metrics, self.measures, strict=True)
        }

    def contributions(self, rows: Ints, units: SamplingUnits) -> dict[str, Contributions | None]:
        """What each unit of the table adds to each metric of a selection of the rows.

        Each unit is left out once; of more than `MOST_LEFT_OUT` units nothing is asked.
        """
        if units.codes is None or units.count > MOST_LEFT_OUT:
            return {}
        return {
            metric.name: left_out_units(measure, rows, units)
            for metric, measure in zip(self.metrics, self.measures, strict=True)
        }

    def differences(
        self,
        champion: OwnMeasures,
        rows: Ints,
        units: SamplingUnits,
        confidence: float,
        *,
        alike: bool,
    ) -> dict[str, Difference]:
        """Each metric of this model minus the champion's, on a selection of the rows.

        Parameters
        ----------
        alike
            Both models give each of these rows the same score and answer.
        """
        return {
            metric.name: bootstrap_difference(
                partial(_of_part, before, rows),
                partial(_of_part, after, rows),
                alike=alike,
                rows=len(rows),
                units=units,
                confidence=confidence,
                seed=self.seed,
            )
            for metric, before, after in zip(
                self.metrics, champion.measures, self.measures, strict=True
            )
        }


NONE = OwnMeasures()


def _of_part(measure: Measure, part: Ints, rows: Ints) -> float:
    return measure(part[rows])


# ----------------- intervals of the project's own metrics: a bootstrap of the units of independence
# Of a function that is only known by its values there are no derivatives, so units
# (`assay.metrics.sampling_units`) are drawn with replacement, as many as there are, and the
# metric is computed from their rows. Classes and slices vary with the units, as they do from
# sample to sample.
#
# The draws give the standard error, and with it the t distribution with Hall's correction that all
# intervals are made with. Percentiles of the draws would be too narrow with few units: their spread
# is that of a sample whose mean is known, and their tails are those of the normal distribution.

DRAWS = 1000
"""The standard error is then off by 2 % by chance, the interval as well."""
DRAWS_WITHIN = 200
"""Of rows within nights; the variance of their noise is then off by a tenth."""
MOST_LEFT_OUT = 400
"""With more units, leaving out each of them in each group would take too long."""
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
        varies = _variation(drawn, units, *_in_order(measure, rows, units, seed))
    except ValueError as error:
        return Estimate(value, None, None, str(error), few=True)
    low, high = varies.distribution(value).interval(confidence)
    return Estimate(
        value,
        min(low, value),
        max(high, value),
        degrees=round(varies.degrees, 2),
        worth=varies.worth,
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
        varies = _variation(drawn, units, *_in_order(difference, rows, units, seed))
    except ValueError as error:
        return missing_difference(METHOD, before, after, str(error), few=True)
    return measured_difference(METHOD, before, after, varies, confidence)


def _too_few(rows: int, units: SamplingUnits) -> tuple[str, int | None] | None:
    """Why there are too few rows or units for an interval, and how many units are needed."""
    if rows < FEWEST:
        return f"{counted(rows, 'row')}, fewer than {FEWEST}", None
    return None if units.few is None else (units.few, units.needed)


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


def _in_order(measure: Measure, rows: int, units: SamplingUnits, seed: int) -> tuple[Floats, float]:
    """What leaving out each night changes ``(count,)``, and how much of its variance is rows' own.

    Units without an order are not asked.
    """
    if not units.in_order or units.codes is None:
        return np.zeros(units.count), 0.0
    every = np.arange(rows)
    without = np.array([_value(measure, every[units.codes != one]) for one in range(units.count)])
    known = np.isfinite(without)
    if not known.any():
        return np.zeros(units.count), 0.0
    drawn = np.array([_value(measure, chosen) for chosen in _draws_within(units.codes, seed)])
    drawn = drawn[np.isfinite(drawn)]
    noise = float(drawn.var()) / units.count if len(drawn) else 0.0
    return np.where(known, without - without[known].mean(), 0.0), noise


def left_out_units(measure: Measure, rows: Ints, units: SamplingUnits) -> Contributions | None:
    """What each unit of the table adds to a metric of the group of these ``rows``.

    The jackknife (Efron 1982): what leaving out the unit takes away. None if the metric has no
    value without some unit.
    """
    part = units.take(rows)
    assert units.codes is not None and part.codes is not None
    if part.count < LEAST_PLAUSIBLE:
        return None
    without = np.array([_value(measure, rows[part.codes != one]) for one in range(part.count)])
    if not np.isfinite(without).all():
        return None
    sums = np.zeros(units.count)
    sums[np.unique(units.codes[rows])] = without.mean() - without
    return Contributions(sums, 0.0)


def _draws_within(codes: Ints, seed: int) -> Iterator[Ints]:
    """Row numbers of draws of rows within each unit, as many as it has."""
    rng = np.random.default_rng([seed, 1])
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    many = np.repeat(sizes, sizes)
    for _ in range(DRAWS_WITHIN):
        yield order[starts + (rng.random(len(codes)) * many).astype(np.intp)]


def _variation(
    drawn: Floats, units: SamplingUnits, left_out: Floats, of_rows: float
) -> SamplingVariation:
    """The variation between samples of as many units.

    Draws of single nights know nothing of their order, which ``left_out`` and ``of_rows`` show
    (`_in_order`).

    Raises
    ------
    ValueError
        The draws do not show it; the message says why.
    """
    many, count = plural_unit(units.name), units.count
    finite = drawn[np.isfinite(drawn)]
    lost = len(drawn) - len(finite)
    if lost > MOST_LOST:
        raise ValueError(f"it had no value in {lost:,} of {len(drawn):,} resamples of the {many}")
    spread = float(finite.std())
    if spread <= 1e-12 * float(np.abs(finite).max()):
        raise ValueError(
            f"it is the same in all resamples of the {many}, which does not say how sure it is"
        )
    parts = (finite - finite.mean()) / spread
    skew = float(np.mean(parts**3))
    # What draws of a distribution without either would show by chance, and few units as well.
    noise = 6 / len(finite) + 15 / count**2
    excess = float(np.mean(parts**4)) - 3 - 2 * math.sqrt(24 / len(finite))
    surely = float(np.clip(skew**3 / (skew**2 + noise), -1, 1))
    along = sums_variation(left_out, units, of_rows)
    return SamplingVariation(
        standard_error=spread * math.sqrt(along.longer * count / (count - 1)),
        degrees=2 / (2 / along.degrees + max(0.0, excess)),
        skew=surely,
        doubtful_skew=surely,
        design_effect=None,
        worth=along.worth,
    )
