"""Signs of a leak that only a trained model shows: all hangs on one feature, or it is too good."""

from __future__ import annotations

from assay.gate.rules import finding
from assay.project.params.gate import LeakageRule
from assay.project.tasks import HEADLINE, LOWER_IS_BETTER
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.leakage import Leakage
from assay.reports.verdict import Finding, Outcome

NO_ERROR = frozenset({"bias", "calibration_error"})
"""Metrics whose value is near 0 for a useless model too."""
HIGH = 0.9
"""From a feature or champion that is better, as petals are of iris, a model may well be perfect."""
LEAST = 1e-9
"""An error below this is none, and is not divided by."""


def shuffled_error(rule: LeakageRule, evaluation: Evaluation) -> Finding:
    """How many times the model's error grows when the feature it hangs on most is shuffled.

    A feature that describes a row can be replaced, in part, by others and by the average. Shuffling
    a total from which the label is computed makes answers far worse than the average: L. Breiman,
    "Random Forests", Machine Learning 45, 2001, for the measure.
    """
    name, found = "shuffled_error", evaluation.importance
    if found is None or not found.features:
        why = (found and found.why) or "the evaluation has not shuffled the features"
        return _unknown(rule, name, why)
    if found.metric in NO_ERROR:
        reason = f"{found.metric} (train.select_by) is no error that a shuffled feature could raise"
        return finding.tolerate(_unknown(rule, name, reason))
    value = evaluation.metrics[found.metric].value if found.metric in evaluation.metrics else None
    known = [(each.drop, each.feature) for each in found.features if each.drop is not None]
    if value is None or not known:
        return _unknown(rule, name, f"{found.metric} has no value")
    error = value if found.metric in LOWER_IS_BETTER else 1 - value
    drop, feature = max(known)
    times = max(0.0, drop) / max(error, LEAST)
    told = (
        f"shuffling '{feature}', the feature the model hangs on most, adds {times:.3g} times the "
        f"model's own error ({found.metric})"
    )
    return _decided(rule, name, times, rule.max_shuffled_error, told)


def error_jump(
    rule: LeakageRule, leakage: Leakage, evaluation: Evaluation, comparison: Comparison
) -> Finding:
    """How many times less the model leaves unexplained than the best feature alone does.

    Where a champion was compared, then the better one of both. The model's value is taken at the
    lower end of its interval. Unexplained are 1 - AUC, or 1 - R2.
    """
    name = "error_jump"
    metric = "r2" if HEADLINE[evaluation.task] == "mae" else "auc"
    measured = evaluation.metrics.get(metric)
    alone = next((each.observed for each in leakage.checks if each.check == "label_power"), None)
    if measured is None or measured.value is None or alone is None:
        return _unknown(rule, name, f"{metric} is not known of the model, or of any feature alone")
    value = measured.value if measured.low is None else measured.low
    best, who = alone, "the best feature alone"
    compared = (comparison.differences or {}).get(metric)
    if compared is not None and compared.champion is not None and compared.champion > best:
        best, who = compared.champion, "the champion"
    # From a feature that is so good alone, label_power's matter, a perfect model is no jump.
    times = 0.0 if best > HIGH else max(1 - best, 0.0) / max(1 - value, LEAST)
    told = f"its {metric} is {measured.value:.4g}, that of {who} {best:.4g}"
    if best <= HIGH:
        told += f", so it leaves {times:.3g} times less unexplained"
    return _decided(rule, name, times, rule.max_error_jump, told)


def _decided(rule: LeakageRule, name: str, times: float, limit: float, told: str) -> Finding:
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


def _unknown(rule: LeakageRule, name: str, why: str) -> Finding:
    return finding.make_finding(rule, Outcome.INCONCLUSIVE, why, slice=name, metric=name)
