"""What labels of a sample by design say about a rule, with the interval that is due to them.

Each drawn row speaks for the rows that were not: its surprise, its label less what the model
expected, counts once for each of them (the difference estimator: Cassel, Saerndal and Wretman 1976,
Biometrika 63, 615-620; with a model's own predictions as prediction-powered inference: Angelopoulos
and others 2023, Science 382, 669-674). Whatever the model expected, the sums of such labels are
right on average over samples. Their influences on the metric are summed by unit and their spread
gives the interval, as everywhere (`assay.metrics.influence`): it holds both what nights differ by
and what was not labelled.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import special

from assay.ask import sample
from assay.ask.pool import Pool
from assay.ask.sample import SampleDesign
from assay.gate.rules import change, limit
from assay.gate.rules.change import Change
from assay.gate.rules.limit import Limit
from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import FEWEST, Floats, Ints
from assay.metrics.influence import SamplingDistribution, SamplingVariation, sampling_variation
from assay.metrics.intervals.difference import (
    Difference,
    measured_difference,
    missing_difference,
)
from assay.metrics.intervals.reliability import few_rows_warning
from assay.metrics.label_effects import LabelEffects, label_effects
from assay.project.params.behaviour import GateParams
from assay.project.tasks import describe_direction
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Finding, Outcome

AskedRule = Limit | Change
LOSSES = frozenset({"brier", "brier_skill", "log_loss"})
"""Metrics with t intervals; those of the others are taken on the log odds."""
METHOD = "difference estimator, by unit"


def limit_of(rule: AskedRule) -> float:
    """The limit on the metric, or on the challenger's less the champion's."""
    if isinstance(rule, Limit):
        return limit.limit_and_direction(rule)[0]
    return change.limit_and_direction(rule, describe_direction(rule.metric))[0]


def effects(metric: str, pool: Pool, labels: Floats) -> tuple[LabelEffects, ...]:
    """Of the metric, or of the change if there is a champion; then of each model."""
    each = [
        label_effects(metric, scores, threshold, labels)
        for scores, threshold in zip(pool.scores, pool.thresholds, strict=True)
    ]
    return (each[0] if len(each) == 1 else each[0].subtract(each[1]), *each)


def least_variance(pool: Pool, effects_of: LabelEffects) -> float:
    """The variance that stays if every row of the pool is labelled."""
    expected = pool.expected
    chance = np.square(effects_of.slope) * expected * (1 - expected)
    varies = sampling_variation(effects_of.influence(expected), pool.units)
    return varies.standard_error**2 + float(chance.sum()) / len(expected) ** 2


def measure(
    metric: str, pool: Pool, design: SampleDesign, drawn: Ints, labels: Floats, confidence: float
) -> Estimate | Difference:
    """The metric with its interval, or the challenger's less the champion's.

    Parameters
    ----------
    drawn, labels
        Rows by number, and their labels as 0 and 1.
    """
    expected = pool.expected
    estimated = expected.copy()
    estimated[drawn] += (labels - expected[drawn]) / design.probabilities[drawn]
    why = None
    if sample.few(design, effects(metric, pool, expected)[0], expected):
        why = f"the labels are worth fewer than {FEWEST} rows of the rarer label"
    elif not 0 < estimated.mean() < 1:
        why = "the labels are too few for a value: there would be none of one kind"
    else:
        first, *each = effects(metric, pool, estimated)
        # Of one model a share of 0 or 1 has no log odds.
        certain = len(each) == 1 and metric not in LOSSES and first.value in (0, 1)
        if certain or not all(_possible(metric, one.value) for one in each):
            why = "the labels are too few for a value"
    if why is not None:
        if len(pool.scores) == 1:
            return Estimate(None, None, None, why, few=True)
        return missing_difference(METHOD, None, None, why, few=True)
    scores = pool.scores[0]
    losses = np.square(scores) + estimated * (1 - 2 * scores)
    units = pool.units.followed(losses, scores)
    varies = sampling_variation(first.influence(estimated), units)
    doubt = few_rows_warning(len(drawn) + int((~pool.unknown).sum()))
    doubt = doubt if metric == "log_loss" else None
    if len(each) > 1:
        new, old = each
        made = measured_difference(METHOD, old.value, new.value, varies, confidence)
        return replace(made, doubt=doubt)
    of = _of_loss if metric in LOSSES else _of_share
    low, high = of(first.value, varies, confidence)
    return Estimate(first.value, low, high, None, varies.degrees, doubt=doubt)


def _possible(metric: str, value: float) -> bool:
    """Whether a model can have this value; one estimated from too few labels may lie anywhere."""
    least = -math.inf if metric == "brier_skill" else 0
    most = math.inf if metric == "log_loss" else 1
    return math.isfinite(value) and least <= value <= most


def judge(
    rule: AskedRule,
    pool: Pool,
    measured: Estimate | Difference,
    report: Evaluation | Comparison,
    gate: GateParams,
) -> tuple[Finding, str | None]:
    """What the rule says of the pool, and why it cannot tell if it cannot.

    Parameters
    ----------
    report
        What the gate decided the rule on: its confidence, and names.
    """
    about = {"rows": len(pool.known), "unit": pool.units.name, "units": pool.units.count}
    name = "metrics" if isinstance(rule, Limit) else "differences"
    whole = report.model_copy(update={**about, name: {rule.metric: measured}})
    if isinstance(rule, Limit) and isinstance(whole, Evaluation):
        finding = limit.evaluate(rule, whole, gate)[0]
    else:
        assert isinstance(rule, Change) and isinstance(whole, Comparison)
        finding = change.evaluate(rule, whole, gate)[0]
    if finding.outcome is not Outcome.INCONCLUSIVE:
        return finding, None
    return finding, measured.why or measured.doubt or "the limit lies within the interval"


def _of_loss(value: float, varies: SamplingVariation, confidence: float) -> tuple[float, float]:
    bounds = SamplingDistribution(value, varies.standard_error, varies.degrees, varies.skew)
    low, high = bounds.interval(confidence)
    return min(low, value), max(high, value)


def _of_share(value: float, varies: SamplingVariation, confidence: float) -> tuple[float, float]:
    """On the log odds, so that the interval stays between 0 and 1."""
    reach = special.stdtrit(varies.degrees, (1 + confidence) / 2) * varies.standard_error
    middle, half = special.logit(value), reach / (value * (1 - value))
    return float(special.expit(middle - half)), float(special.expit(middle + half))
