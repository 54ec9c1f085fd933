"""``kind: leakage``: no check for leakage is suspect, of the tables or of the trained model.

A trained model shows a leak that no table does: all hangs on one feature, or it is too good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from assay.gate.inputs import GateInputs
from assay.gate.rules import finding
from assay.gate.rules.kind import Rule
from assay.project.params.behaviour import (
    LEAKAGE_CHECKS,
    GateParams,
    LeakageCheck,
    ModelLeakageCheck,
)
from assay.project.tasks import HEADLINE, LOWER_IS_BETTER
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Finding, Outcome
from assay.training.leakage.report import Leakage


@dataclass(frozen=True)
class Words:
    """``title``: what should be so; ``passed``, ``failed``: what the result means; what to do."""

    title: str
    passed: str
    failed: str
    advice: str


LEAKAGE_WORDS: Mapping[LeakageCheck | ModelLeakageCheck, Words] = {
    "same_key": Words(
        "No row in both training and holdout",
        "The model was not trained on any row it is tested on",
        "The model was trained on rows it is tested on, so the test flatters it",
        "Leave copies out in data/source.py; where they are none, give the key role to "
        "what tells them apart.",
    ),
    "near_duplicates": Words(
        "No copies of training rows in the holdout",
        "The holdout is new to the model, not a copy of training rows",
        "Part of the holdout copies training rows, so the test flatters the model",
        "Leave copies out in data/source.py; if they are none, raise leakage.max_duplicate_share.",
    ),
    "time_overlap": Words(
        "Holdout later than training",
        "The model is tested on a later time than it was trained on, as at night",
        "The model was trained on rows from the time it is tested on, so it may know the future",
        "Let the window holdout begin after the window train in params.yaml.",
    ),
    "label_power": Words(
        "No feature that gives the label away",
        "No feature alone gives the label away",
        "One feature alone nearly is the label, and may be known only with it",
        "If that is not known before the label, take it out of data/contract.py; if it "
        "is, raise leakage.max_label_power.",
    ),
    "label_sum": Words(
        "No sum of features that gives the label away",
        "No sum or difference of features gives the label away",
        "Features together nearly are the label, and one may be known only with it",
        "Take what is known only with the label, as a total is, out of data/contract.py; "
        "if all are known before, raise leakage.max_sum_power (of classes "
        "leakage.max_label_power).",
    ),
    "label_name": Words(
        "No feature named like an answer",
        "No feature is named like the label or another model's answer",
        "A feature is named like the label or another model's answer, so it may give it away",
        "If it is known only with the label, or another model's answer, take it out of "
        "data/contract.py; if it is known before, name it in leakage.trusted_columns.",
    ),
    "identifier": Words(
        "No feature that identifies a row",
        "Features describe rows, none identifies them",
        "A feature identifies rows, so the model may learn them by heart",
        "Take the role feature from it in data/contract.py; if it describes a row, raise "
        "leakage.max_identifier_share.",
    ),
    "category_shift": Words(
        "Same mix of categories in training and holdout",
        "Training and holdout have about the same mix of categories",
        "The holdout has another mix of categories than training, so it tests another population",
        "If it stays so, train on newer rows; if it comes and goes, raise "
        "leakage.max_category_shift.",
    ),
    "label_shift": Words(
        "Same distribution of the label in training and holdout",
        "Training and holdout have about the same distribution of the label",
        "The label is distributed otherwise in the holdout than in training",
        "If it stays so, train on newer rows; if it comes and goes as seasons do, raise "
        "leakage.max_label_shift.",
    ),
    "unlabelled": Words(
        "No values without labels",
        "The model could learn from every common value of a feature",
        "Rows with some values never have a label, so the model has learnt nothing of them, no "
        "test has seen them, and nights hold them",
        "Leave such rows out of nights and of training in data/source.py, or give them labels; if "
        "they are to be scored unlearnt, raise leakage.max_unlabelled.",
    ),
    "not_at_scoring": Words(
        "Every column there at scoring",
        "What the model needs is there when a night is scored",
        "What the model needs is missing when a night is scored",
        "Take it out of data/contract.py, or let score.input have it at night.",
    ),
    "shuffled_error": Words(
        "No model that depends on one feature",
        "The model does not depend on one feature more than features that describe a row allow",
        "The model depends on one feature as if the label were computed from it",
        "See whether the feature is known before the label is, such as no total that "
        "has the label in it; if it is, raise max_shuffled_error of this rule in gate.rules.",
    ),
    "error_jump": Words(
        "No model that is too good to be true",
        "The model is as good as its features explain",
        "The model is far better than any feature or the champion, as if it knew the label",
        "See which feature made it so good, and whether that is known before the label; "
        "if all are, raise max_error_jump of this rule in gate.rules.",
    ),
}


def leakage_title(finding: Finding) -> str | None:
    """What a finding of a rule of kind ``leakage`` asked for; None for any other."""
    words = LEAKAGE_WORDS.get(finding.metric)  # type: ignore[call-overload]
    return words.title if words is not None and finding.slice == finding.metric else None


def with_meaning(finding: Finding) -> Finding:
    """The finding with what its result means before its numbers."""
    words = LEAKAGE_WORDS.get(finding.metric)  # type: ignore[call-overload]
    if words is None:
        return finding
    meaning = {Outcome.PASS: words.passed, Outcome.FAIL: words.failed}.get(
        finding.outcome, "This could not be tested"
    )
    return finding.model_copy(update={"detail": f"{meaning}: {finding.detail}"})


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

    def advice(self, judged: Finding) -> str | None:
        """What to do about a check that is suspect."""
        words = LEAKAGE_WORDS.get(judged.metric)  # type: ignore[call-overload]
        return words.advice if words is not None and judged.outcome is Outcome.FAIL else None


def evaluate(
    rule: NoLeakage, report: Leakage, evaluation: Evaluation, comparison: Comparison
) -> tuple[Finding, ...]:
    """One finding per check of the tables and of the model; a missing check is FAIL."""
    by_name = {check.check: check for check in report.checks}
    findings = []
    for name in LEAKAGE_CHECKS:
        check = by_name.get(name)
        if check is None:
            findings.append(rule.fail(f"the report has no check '{name}'", slice=name))
            continue
        outcome = {"ok": Outcome.PASS, "suspect": Outcome.FAIL}.get(
            check.outcome, Outcome.INCONCLUSIVE
        )
        findings.append(
            rule.finding(
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
        findings.append(shuffled_error(rule, evaluation))
    findings.append(error_jump(rule, report, evaluation, comparison))
    checks = map(with_meaning, findings)
    return tuple(_allowed(each) if each.metric in rule.allow else each for each in checks)


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
    name, importance = "shuffled_error", evaluation.importance
    if importance is None or not importance.features:
        why = (importance and importance.why) or "the evaluation has not shuffled the features"
        return _unknown(rule, name, why)
    if importance.metric not in SKILL:
        reason = f"{importance.metric} (train.select_by) is not known of always saying the same"
        return _unknown(rule, name, reason, tolerated=True)
    skill = SKILL[importance.metric]
    value, saved = (
        evaluation.metrics[each].value if each in evaluation.metrics else None
        for each in (importance.metric, skill)
    )
    known = [(each.drop, each.feature) for each in importance.features if each.drop is not None]
    if value is None or saved is None or not known:
        return _unknown(rule, name, f"{importance.metric} or {skill} has no value")
    drop, feature = max(known)
    left = max(1 - saved, 0.0)
    if left < LEAST:
        text = (
            f"the model makes no error at all ({importance.metric}), "
            "which no row's description allows"
        )
        return rule.fail(text, slice=name, metric=name)
    if saved <= 0:
        text = f"by its {skill} the model is no better than always saying the same"
        return _decided(rule, name, 0.0, rule.max_shuffled_error, text)
    if importance.metric in LOWER_IS_BETTER:
        times = drop / value * (sqrt(left) if skill == "r2" else left)
    else:
        times = sqrt(max(left + drop, 0.0)) - sqrt(left) if skill == "r2" else drop
    times = max(times, 0.0)
    text = (
        f"shuffling '{feature}', the feature the model hangs on most, adds {times:.3g} times the "
        f"error of always saying the same ({importance.metric})"
    )
    return _decided(rule, name, times, rule.max_shuffled_error, text)


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
    text = f"its {metric} is {measured.value:.4g}, that of {who} {best:.4g}"
    if best <= HIGH:
        text += f", so it leaves {times:.3g} times less unexplained"
    return _judged(_decided(rule, name, times, rule.max_error_jump, text), champion)


def _judged(judged: Finding, champion: float | None) -> Finding:
    if judged.outcome is Outcome.PASS or champion is not None:
        return judged
    return judged.model_copy(
        update={
            "severity": "warn",
            "detail": f"{judged.detail}; without a champion to compare with, this does not decide",
            "fix": LEAKAGE_WORDS["error_jump"].advice,
        }
    )


def _decided(rule: NoLeakage, name: str, times: float, limit: float, told: str) -> Finding:
    met = times <= limit
    return rule.finding(
        Outcome.PASS if met else Outcome.FAIL,
        f"{told}, {'within' if met else 'over'} the limit of {limit:.3g}",
        slice=name,
        metric=name,
        observed=times,
        limit=limit,
        direction="max",
    )


def _unknown(rule: NoLeakage, name: str, why: str, **facts: Any) -> Finding:
    return rule.finding(Outcome.INCONCLUSIVE, why, slice=name, metric=name, **facts)
