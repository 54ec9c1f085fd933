"""``kind: leakage``: no check for leakage is suspect, of the tables or of the trained model.

A trained model shows a leak that no table does: all hangs on one feature, or it is too good.
"""

from __future__ import annotations

from math import sqrt
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from assay.gate.inputs import GateInputs
from assay.gate.rules import finding
from assay.gate.rules.kind import Rule
from assay.gate.rules.leakage_words import LEAKAGE, with_meaning
from assay.project.params.gate import (
    LEAKAGE_CHECKS,
    GateParams,
    LeakageCheck,
    ModelLeakageCheck,
)
from assay.project.tasks import HEADLINE, LOWER_IS_BETTER
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.leakage import Leakage
from assay.reports.verdict import Finding, Outcome

SKILL = {"mae": "mae_skill", "mae_skill": "mae_skill", "rmse": "r2", "r2": "r2"}
"""Metric -> the share of the error of always saying the same that is saved; R2 of squares."""
HIGH = 0.9
"""From a feature or champion that is better, as petals are of iris, a model may well be perfect."""
LEAST = 1e-9
"""An error below this is none, and is not divided by."""


class NoLeakage(Rule):
    """No leakage check is suspect, except those in ``allow``.

    ``max_shuffled_error``: how many times the error of always saying the same may be added when a
    feature is shuffled;
    ``max_error_jump``: how many times less it may leave unexplained than the best feature alone and
    the champion do.
    """

    allow: tuple[Literal[LeakageCheck, ModelLeakageCheck], ...] = ()
    max_shuffled_error: Annotated[float, Field(gt=0)] = 2.0
    max_error_jump: Annotated[float, Field(gt=1)] = 5.0

    reads: ClassVar = ("leakage", "evaluation", "comparison")

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding for each check."""
        return evaluate(self, inputs.leakage, inputs.evaluation, inputs.comparison)

    def advice(self, found: Finding) -> str | None:
        """What to do about a check that is suspect."""
        known = found.outcome is Outcome.FAIL and found.metric in LEAKAGE
        return LEAKAGE[found.metric] if known else None  # type: ignore[index]


def evaluate(
    rule: NoLeakage, report: Leakage, evaluation: Evaluation, comparison: Comparison
) -> tuple[Finding, ...]:
    """One finding per check of the tables and of the model; a missing check is FAIL."""
    by_name = {check.check: check for check in report.checks}
    found = []
    for name in LEAKAGE_CHECKS:
        check = by_name.get(name)
        if check is None:
            found.append(finding.fail(rule, f"the report has no check '{name}'", slice=name))
            continue
        outcome = {"ok": Outcome.PASS, "suspect": Outcome.FAIL}.get(
            check.outcome, Outcome.INCONCLUSIVE
        )
        found.append(
            finding.make_finding(
                rule,
                outcome,
                check.detail,
                slice=name,
                metric=name,
                observed=finding.finite_or_none(check.observed),
                limit=finding.finite_or_none(check.limit),
                direction=None if check.limit is None else "max",
            )
        )
    if evaluation.task == "regression":  # the losses of a sure classifier have no bound
        found.append(shuffled_error(rule, evaluation))
    found.append(error_jump(rule, report, evaluation, comparison))
    told = map(with_meaning, found)
    return tuple(_allowed(each) if each.metric in rule.allow else each for each in told)


def _allowed(told: Finding) -> Finding:
    """A finding that was allowed by name is shown, and does not decide."""
    if told.outcome is Outcome.PASS:
        return told
    detail = f"{told.detail} (allowed by name)"
    return told.model_copy(update={"severity": "warn", "detail": detail})


def shuffled_error(rule: NoLeakage, evaluation: Evaluation) -> Finding:
    """The error that shuffling one feature adds, as a multiple of that of always saying the same.

    Answers that are drawn from the labels by chance are at most twice as far off as the best
    constant, by the triangle inequality, so a feature that describes a row may do no worse however
    good the model is. Shuffling a total from which parts are subtracted to get a small label takes
    the answers beyond all labels: L. Breiman, "Random Forests", Machine Learning 45, 2001, for the
    measure.
    """
    name, found = "shuffled_error", evaluation.importance
    if found is None or not found.features:
        why = (found and found.why) or "the evaluation has not shuffled the features"
        return _unknown(rule, name, why)
    if found.metric not in SKILL:
        reason = f"{found.metric} (train.select_by) is not known of always saying the same"
        return finding.tolerate(_unknown(rule, name, reason))
    skill = SKILL[found.metric]
    value, saved = (
        evaluation.metrics[each].value if each in evaluation.metrics else None
        for each in (found.metric, skill)
    )
    known = [(each.drop, each.feature) for each in found.features if each.drop is not None]
    if value is None or saved is None or not known:
        return _unknown(rule, name, f"{found.metric} or {skill} has no value")
    drop, feature = max(known)
    left = max(1 - saved, 0.0)
    if left < LEAST:
        told = (
            f"the model makes no error at all ({found.metric}), which no row's description allows"
        )
        return finding.fail(rule, told, slice=name, metric=name)
    if saved <= 0:
        told = f"by its {skill} the model is no better than always saying the same"
        return _decided(rule, name, 0.0, rule.max_shuffled_error, told)
    if found.metric in LOWER_IS_BETTER:
        times = drop / value * (sqrt(left) if skill == "r2" else left)
    else:
        times = sqrt(max(left + drop, 0.0)) - sqrt(left) if skill == "r2" else drop
    times = max(times, 0.0)
    told = (
        f"shuffling '{feature}', the feature the model hangs on most, adds {times:.3g} times the "
        f"error of always saying the same ({found.metric})"
    )
    return _decided(rule, name, times, rule.max_shuffled_error, told)


def error_jump(
    rule: NoLeakage, leakage: Leakage, evaluation: Evaluation, comparison: Comparison
) -> Finding:
    """How many times less the model leaves unexplained than the best feature alone does.

    Where a champion was compared, then the better one of both. Without one, the result is shown and
    does not decide: features of which none tells much may well tell all together, by right. The
    model's value is taken at the lower end of its interval. Unexplained are 1 - AUC, or 1 - R2.
    """
    name = "error_jump"
    metric = "r2" if HEADLINE[evaluation.task] == "mae" else "auc"
    measured = evaluation.metrics.get(metric)
    alone = next((each.observed for each in leakage.checks if each.check == "label_power"), None)
    compared = (comparison.differences or {}).get(metric)
    champion = None if compared is None else compared.champion
    others = ((alone, "the best feature alone"), (champion, "the champion"))
    known = [(value, who) for value, who in others if value is not None]
    if measured is None or measured.value is None or not known:
        why = f"{metric} is not known of the model, or of any feature alone"
        return _judged(_unknown(rule, name, why), champion)
    value = measured.value if measured.low is None else measured.low
    best, who = max(known)
    # From a feature that is so good alone, label_power's matter, a perfect model is no jump.
    times = 0.0 if best > HIGH else max(1 - best, 0.0) / max(1 - value, LEAST)
    told = f"its {metric} is {measured.value:.4g}, that of {who} {best:.4g}"
    if best <= HIGH:
        told += f", so it leaves {times:.3g} times less unexplained"
    return _judged(_decided(rule, name, times, rule.max_error_jump, told), champion)


def _judged(found: Finding, champion: float | None) -> Finding:
    if found.outcome is Outcome.PASS or champion is not None:
        return found
    return found.model_copy(
        update={
            "severity": "warn",
            "detail": f"{found.detail}; without a champion to compare with, this does not decide",
            "fix": LEAKAGE["error_jump"],
        }
    )


def _decided(rule: NoLeakage, name: str, times: float, limit: float, told: str) -> Finding:
    met = times <= limit
    return finding.make_finding(
        rule,
        Outcome.PASS if met else Outcome.FAIL,
        f"{told}, {'within' if met else 'over'} the limit of {limit:.3g}",
        slice=name,
        metric=name,
        observed=times,
        limit=limit,
        direction="max",
    )


def _unknown(rule: NoLeakage, name: str, why: str) -> Finding:
    return finding.make_finding(rule, Outcome.INCONCLUSIVE, why, slice=name, metric=name)
