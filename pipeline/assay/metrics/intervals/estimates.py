"""Every metric of one model with its interval, for a whole table, a slice or a night.

==============================  ==========================================================
shares of rows, F1              Wilson's interval (1927, JASA 22, 209-212) at the effective
                                sample size (Dean and Pagano 2015, Journal of Survey
                                Statistics and Methodology 3, 484-503), with the quantile of
                                t. F1 uses the Jaccard index J, the share of hits among rows
                                that are positive or predicted so: F1 = 2 J / (1 + J)
AUC, average precision,         t on the log odds, so that the interval stays between 0 and 1
means over classes              (Pepe 2003, The Statistical Evaluation of Medical Tests, 5.2);
                                average precision with its bias removed
                                (`assay.metrics.ranks`)
means of losses and errors,     t with Hall's correction for skewness
skills, R2; RMSE by the mean    (`assay.metrics.influence`), with the full sample
square                          skewness
calibration error               `assay.metrics.calibration`
90th percentile of errors       Woodruff's interval
==============================  ==========================================================

Variance is measured between units (`assay.metrics.sampling_units`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from assay.metrics.calibration import classifier_gaps
from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import FEWEST, NO_NUMBER, Floats
from assay.metrics.influence import (
    Influence,
    SamplingDistribution,
    SamplingVariation,
    sampling_variation,
    share_variation,
)
from assay.metrics.intervals import regression
from assay.metrics.intervals.reliability import few_warning, reliability_warnings
from assay.metrics.labelled_scores import LabelledScores, MetricEvaluator
from assay.metrics.ranks import RankedScores
from assay.metrics.sampling_units import LEAST_PLAUSIBLE, LEAST_UNITS, SamplingUnits
from assay.metrics.skill import NO_SKILL
from assay.project.tasks import CATALOGUE, Interval
from assay.project.text import counted

Ends = tuple[float, float]


def estimates(
    scored: LabelledScores, units: SamplingUnits, confidence: float
) -> dict[str, Estimate]:
    """Every metric of the task with its interval.

    Parameters
    ----------
    scored
        Rows, at least one, with valid truths and scores.
    units
        The unit (cluster) of each row.
    confidence
        Of the two-sided intervals, such as 0.95.

    Returns
    -------
    dict
        A metric without a value or an interval has a reason in ``why``; ``few`` is set if more data
        would help.
    """
    table = scored.evaluator()
    values = scored.compute_metrics(table)
    doubtful = reliability_warnings(scored)
    derivatives = table.influences()
    needed = units.needed if units.few else None

    def estimate(name: str, interval: Interval) -> Estimate:
        value = values[name]
        lacking = too_few_reason(scored, table, name, units)
        if not math.isfinite(value):
            return lacking or _without(table, name)
        if lacking is not None:
            return Estimate(value, None, None, lacking.why, few=True, needed=lacking.needed)
        if interval == "skill" and bool((scored.scores == scored.scores[0]).all()):
            return Estimate(value, None, None, NO_SKILL)
        doubt = few_warning(units) or doubtful.get(name)
        if interval == "gaps":
            gaps = classifier_gaps(scored.scores, scored.truth, units)
            middle, low, high = gaps.interval(confidence)
            along = gaps.along
            return Estimate(
                middle,
                low,
                high,
                None,
                along.degrees,
                along.design_effect,
                needed=needed,
                doubt=doubt,
                worth=along.worth,
            )
        if interval == "quantile":
            try:
                found_at = regression.error_quantile(scored, units, confidence)
            except ValueError as error:
                return Estimate(value, None, None, str(error), few=True)
            return _estimate(value, (found_at.low, found_at.high), found_at.varies, doubt, needed)
        influence = derivatives[name]
        if not np.isfinite(influence.rows).all():
            return Estimate(value, None, None, "it has no derivative here")
        varies = sampling_variation(Influence(influence.rows), units.of_metric(name))
        if interval == "precision":
            bias = RankedScores(scored.truth, scored.scores).average_precision_bias(units)
            ends = _of_log_odds(value, varies, units.count, confidence, bias)
        elif interval in ("share", "jaccard"):
            of_share = _of_share if interval == "share" else _of_jaccard
            ends = of_share(value, varies, influence.among, units.count, confidence)
        else:
            ends = _WAYS[interval](value, varies, units.count, confidence)
        return _estimate(value, ends, varies, doubt, needed)

    made = {one.name: estimate(one.name, one.interval) for one in CATALOGUE[scored.task]}
    if "rmse" in made:
        made["rmse"] = _no_less_than(made["rmse"], made["mae"])
    return made


def _no_less_than(root: Estimate, mean: Estimate) -> Estimate:
    """The root of a mean square is at least the mean size: of few large errors only that is known.

    The interval of the mean square itself would reach down to 0 there.
    """
    if root.low is None or mean.low is None:
        return root
    return replace(root, low=max(root.low, mean.low))


def too_few_reason(
    scored: LabelledScores, table: MetricEvaluator, name: str, units: SamplingUnits
) -> Estimate | None:
    """Why there is too little data for an interval, and how many units are needed; else None."""
    why = table.few(name)
    if why is not None:
        rarest = table.rarest
        needed = math.ceil(units.count * FEWEST / rarest) if rarest else None
        return Estimate(None, None, None, why, few=True, needed=needed)
    if units.count < LEAST_PLAUSIBLE:
        return Estimate(None, None, None, units.few, few=True, needed=LEAST_UNITS)
    return None


def _without(table: MetricEvaluator, name: str) -> Estimate:
    why = table.why(name)
    return Estimate(None, None, None, why, few=why != NO_NUMBER)


def _estimate(
    value: float,
    ends: Ends,
    varies: SamplingVariation,
    doubt: str | None,
    needed: int | None,
) -> Estimate:
    # The interval of a skewed sample may exclude the value; it is widened to include it.
    low, high = min(ends[0], value), max(ends[1], value)
    return Estimate(
        *(value, low, high, None, varies.degrees, varies.design_effect),
        needed=needed,
        doubt=doubt,
        worth=varies.worth,
    )


def _of_loss(value: float, varies: SamplingVariation, _: int, confidence: float) -> Ends:
    low, high = SamplingDistribution(
        value, varies.standard_error, varies.degrees, varies.skew
    ).interval(confidence)
    return max(low, 0.0), high


def _of_root(value: float, varies: SamplingVariation, _: int, confidence: float) -> Ends:
    """Through the mean square, whose derivatives are those of the root times twice its value."""
    error = varies.standard_error * 2 * value
    low, high = SamplingDistribution(value * value, error, varies.degrees, varies.skew).interval(
        confidence
    )
    return math.sqrt(max(low, 0.0)), math.sqrt(high)


def _of_number(value: float, varies: SamplingVariation, _: int, confidence: float) -> Ends:
    return SamplingDistribution(value, varies.standard_error, varies.degrees, varies.skew).interval(
        confidence
    )


def _of_skill(value: float, varies: SamplingVariation, units: int, confidence: float) -> Ends:
    low, high = _of_number(value, varies, units, confidence)
    return low, min(high, 1.0)


def _of_log_odds(
    value: float,
    varies: SamplingVariation,
    units: int,
    confidence: float,
    bias: float = 0.0,
) -> Ends:
    from scipy import special

    if not 0 < value < 1:
        # Nothing varies: the interval covers what this number of units could miss.
        return wilson_interval(value, units, float(special.ndtri((1 + confidence) / 2)))
    reach = special.stdtrit(varies.degrees, (1 + confidence) / 2) * varies.standard_error
    middle = special.logit(value) - bias / (value * (1 - value))
    unbiased = special.expit(middle)
    half = reach / (unbiased * (1 - unbiased))
    return float(special.expit(middle - half)), float(special.expit(middle + half))


_WAYS: Mapping[Interval, Callable[[float, SamplingVariation, int, float], Ends]] = MappingProxyType(
    {
        "log odds": _of_log_odds,
        "loss": _of_loss,
        "root": _of_root,
        "skill": _of_skill,
        "number": _of_number,
    }
)
"""Takes a value, its variation, the number of units and the confidence."""


def _of_share(
    share: float, varies: SamplingVariation, rows: float, units: int, confidence: float
) -> Ends:
    """The interval of a share of ``rows`` rows, at its effective sample size."""
    from scipy import special

    worth = min(rows, float(units))
    if varies.standard_error and 0 < share < 1:
        worth = min(rows, share * (1 - share) / varies.standard_error**2)
    return wilson_interval(
        share, worth, float(special.stdtrit(varies.degrees, (1 + confidence) / 2))
    )


def _of_jaccard(
    f1: float, varies: SamplingVariation, rows: float, units: int, confidence: float
) -> Ends:
    """The interval of F1, through the Jaccard index."""
    slope = 2 / (2 - f1) ** 2
    of_share = SamplingVariation(varies.standard_error * slope, varies.degrees, 0.0, 0.0, None)
    low, high = _of_share(f1 / (2 - f1), of_share, rows, units, confidence)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def wilson_interval(share: float, rows: float, reach: float) -> Ends:
    """Wilson's interval of a share of ``rows`` independent rows.

    Parameters
    ----------
    reach
        The quantile of the normal or the t distribution.
    """
    square = reach * reach / rows
    middle = (share + square / 2) / (1 + square)
    half = reach * math.sqrt(share * (1 - share) / rows + square / (4 * rows)) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def estimate_share(chosen: np.ndarray, units: SamplingUnits, confidence: float) -> Estimate:
    """The share of rows that are selected, with Wilson's interval by unit.

    Parameters
    ----------
    chosen
        Booleans ``(n,)``.
    """
    return estimate_share_of_counts(units.sums(chosen.astype(np.float64)), units, confidence)


def estimate_share_of_counts(hits: Floats, units: SamplingUnits, confidence: float) -> Estimate:
    """The same from the number of selected rows of each unit ``(count,)``."""
    rows = float(units.sizes().sum())
    return _estimate_mean(
        float(hits.sum()) / max(rows, 1.0),
        int(rows),
        units,
        lambda: share_variation(hits, units),
        lambda share, varies: _of_share(share, varies, rows, units.count, confidence),
    )


def estimate_mean_size(sizes: np.ndarray, units: SamplingUnits, confidence: float) -> Estimate:
    """The mean of ``sizes (n,)``, none of them below 0, with its interval by unit."""
    mean = float(sizes.sum()) / max(len(sizes), 1)
    return _estimate_mean(
        mean,
        len(sizes),
        units,
        lambda: sampling_variation(Influence(sizes - mean), units),
        lambda mean, varies: _of_loss(mean, varies, units.count, confidence),
    )


def _estimate_mean(
    mean: float,
    rows: int,
    units: SamplingUnits,
    variation: Callable[[], SamplingVariation],
    ends: Callable[[float, SamplingVariation], Ends],
) -> Estimate:
    if not rows:
        return Estimate(None, None, None, "no rows", few=True)
    if rows < FEWEST:
        why = f"{counted(rows, 'row')}, fewer than {FEWEST}"
        return Estimate(mean, None, None, why, few=True)
    if units.count < LEAST_PLAUSIBLE:
        return Estimate(mean, None, None, units.few, few=True, needed=LEAST_UNITS)
    varies = variation()
    needed = units.needed if units.few else None
    return _estimate(mean, ends(mean, varies), varies, few_warning(units), needed)
