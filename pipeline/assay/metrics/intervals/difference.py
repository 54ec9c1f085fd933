"""The difference between a challenger's and a champion's metrics on the same rows.

Variance is measured between units (`assay.metrics.sampling_units`). Both models score the same
rows, so what makes a row or a night hard for both cancels out. These intervals are far narrower
than the two models' own intervals suggest (docs/comparison.md has the numbers).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from assay.metrics.evaluator import NO_NUMBER
from assay.metrics.influence import SamplingDistribution, SamplingVariation, sampling_variation
from assay.metrics.intervals import regression
from assay.metrics.intervals.calibration import calibration_difference
from assay.metrics.intervals.estimates import too_few_reason
from assay.metrics.intervals.reliability import few_warning, reliability_warnings
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.ranks import RankedScores
from assay.metrics.sampling_units import SamplingUnits
from assay.project.tasks import CATALOGUE


@dataclass(frozen=True)
class Difference:
    """One metric of two models. Fields have no defaults, since each is written to comparison.json.

    Attributes
    ----------
    champion, challenger
        The metric of each; None if it has no value.
    value
        The challenger's minus the champion's; of a loss, above 0 is worse.
    standard_error, skew, degrees
        As in `assay.metrics.influence.SamplingDistribution`.
    low, high
        The interval of ``value``.
    method
        The statistical method, in words.
    why
        Why the value or the interval is missing.
    design_effect, few, needed, doubt, worth
        As in `assay.metrics.estimate.Estimate`.
    """

    champion: float | None
    challenger: float | None
    value: float | None
    standard_error: float | None
    skew: float
    degrees: float | None
    low: float | None
    high: float | None
    method: str
    why: str | None
    design_effect: float | None
    few: bool
    needed: int | None
    doubt: str | None
    worth: float | None

    @property
    def distribution(self) -> SamplingDistribution | None:
        """The difference with its sampling distribution; None if there is no interval."""
        if self.value is None or self.standard_error is None:
            return None
        return SamplingDistribution(self.value, self.standard_error, self.degrees, self.skew)


def differences(
    champion: LabelledScores,
    challenger: LabelledScores,
    *,
    units: SamplingUnits,
    confidence: float,
) -> dict[str, Difference]:
    """The difference of every metric of the task.

    Parameters
    ----------
    champion, challenger
        The same rows in the same order, with the same truth and classes; each has its own
        threshold.
    units
        The unit (cluster) of each row.
    confidence
        Of the two-sided intervals, such as 0.95.

    Raises
    ------
    ValueError
        The two models were not scored on the same rows.
    """
    if (
        champion.task != challenger.task
        or champion.classes != challenger.classes
        or not np.array_equal(champion.truth, challenger.truth, equal_nan=True)
    ):
        raise ValueError("the two models were not scored on the same rows")
    methods = {one.name: one.difference for one in CATALOGUE[champion.task]}
    if not (champion.is_valid_input() and challenger.is_valid_input()):
        why = "a truth or a score is not valid" if len(champion) else "no rows"
        return {name: missing_difference(methods[name], None, None, why) for name in methods}
    old_table, new_table = champion.evaluator(), challenger.evaluator()
    old, new = champion.compute_metrics(old_table), challenger.compute_metrics(new_table)
    if alike(champion, challenger):
        # The models agree on every row, so every sample of rows gives a difference of 0.
        return {
            name: measured_difference(method, old[name], new[name], NOTHING, confidence)
            for name, method in methods.items()
        }
    ways = _ways(champion, challenger, units, confidence)
    doubtful = {**reliability_warnings(champion), **reliability_warnings(challenger)}
    by_metric = {}
    for name, method in methods.items():
        before, after = old[name], new[name]
        reasons = [
            (who, table.why(name))
            for who, table, value in (
                ("champion", old_table, before),
                ("challenger", new_table, after),
            )
            if not math.isfinite(value)
        ]
        lacking = too_few_reason(challenger, new_table, name, units)
        if lacking is not None:
            by_metric[name] = missing_difference(
                method, before, after, str(lacking.why), True, lacking.needed
            )
        elif reasons:
            few = all(why != NO_NUMBER for _, why in reasons)
            text = "; ".join(f"{who}: {why}" for who, why in reasons)
            by_metric[name] = missing_difference(method, before, after, text, few)
        else:
            try:
                before, after, varies = ways[name](before, after)
            except ValueError as error:
                # No derivative (as with a root mean squared error of 0), or too few rows.
                few = isinstance(error, regression.TooFewRowsError)
                by_metric[name] = missing_difference(method, before, after, str(error), few)
                continue
            one = measured_difference(method, before, after, varies, confidence)
            by_metric[name] = replace(
                one,
                doubt=few_warning(units) or doubtful.get(name),
                needed=units.needed if units.few else None,
            )
    return by_metric


NOTHING = SamplingVariation(0.0, math.inf, 0.0, 0.0, None)

Way: TypeAlias = Callable[[float, float], tuple[float, float, SamplingVariation]]
"""Takes both models' values; returns the values to use and the variation of their difference."""


def alike(champion: LabelledScores, challenger: LabelledScores) -> bool:
    """Whether two models give each row the same score and the same answer."""
    return champion.threshold == challenger.threshold and np.array_equal(
        champion.scores, challenger.scores
    )


def _ways(
    champion: LabelledScores, challenger: LabelledScores, units: SamplingUnits, confidence: float
) -> dict[str, Way]:
    """For each metric, a function that computes the variation of the difference on demand."""
    old, new = (each.evaluator().influences() for each in (champion, challenger))

    def by_influence(
        name: str, before: float, after: float
    ) -> tuple[float, float, SamplingVariation]:
        rows = new[name].subtract(old[name])
        if not np.isfinite(rows.rows).all():
            raise ValueError("it has no derivative here")
        return before, after, sampling_variation(rows, units.of_metric(name))

    ways: dict[str, Way] = {name: partial(by_influence, name) for name in old if name in new}
    if champion.task == "regression":
        ways["bias"] = lambda before, after: (
            before,
            after,
            regression.bias_variation(champion, challenger, units),
        )
        ways["p90_error"] = lambda before, after: (
            before,
            after,
            regression.quantile_difference(champion, challenger, units, confidence),
        )
        return ways
    ways["calibration_error"] = lambda before, after: calibration_difference(
        champion, challenger, units, confidence
    )
    if champion.task == "binary" and "auc" in ways:
        ways["auc"] = lambda before, after: (
            before,
            after,
            _faultless(champion, challenger, units, by_influence("auc", before, after)[2]),
        )
    return ways


def _faultless(
    champion: LabelledScores,
    challenger: LabelledScores,
    units: SamplingUnits,
    varies: SamplingVariation,
) -> SamplingVariation:
    """If both models separate the labels perfectly, nothing varies and the error is 0.

    The standard error is then that of one misplaced row of the rarer label.
    """
    if varies.standard_error:
        return varies
    orders = [RankedScores(scored.truth, scored.scores) for scored in (champion, challenger)]
    if not all(order.is_degenerate for order in orders):
        return varies
    rarer = min(orders[0].positives, orders[0].negatives, units.count)
    return SamplingVariation(1 / (rarer + 2), float(rarer - 1), 0.0, 0.0, None)


def measured_difference(
    method: str, before: float, after: float, varies: SamplingVariation, confidence: float
) -> Difference:
    """A difference with its interval, if both values are numbers."""
    if not (math.isfinite(before) and math.isfinite(after)):
        return missing_difference(method, before, after, "it has no value in these rows", True)
    bounds = varies.distribution(after - before)
    low, high = bounds.interval(confidence)
    return Difference(
        before,
        after,
        bounds.value,
        bounds.standard_error,
        bounds.skew,
        None if math.isinf(varies.degrees) else varies.degrees,
        low,
        high,
        method,
        why=None,
        design_effect=varies.design_effect,
        few=False,
        needed=None,
        doubt=None,
        worth=varies.worth,
    )


def missing_difference(
    method: str,
    before: float | None,
    after: float | None,
    why: str,
    few: bool = False,
    needed: int | None = None,
) -> Difference:
    """A difference without an interval, and why."""
    old = before if before is not None and math.isfinite(before) else None
    new = after if after is not None and math.isfinite(after) else None
    value = None if old is None or new is None else new - old
    return Difference(
        champion=old,
        challenger=new,
        value=value,
        standard_error=None,
        skew=0.0,
        degrees=None,
        low=None,
        high=None,
        method=method,
        why=why,
        design_effect=None,
        few=few,
        needed=needed,
        doubt=None,
        worth=None,
    )
