"""What only a trained model shows of a leak: all hangs on one feature, or it is too good."""

from __future__ import annotations

import pytest

from assay.gate.rules import next_steps
from assay.gate.rules.model_leakage import error_jump, shuffled_error
from assay.metrics.estimate import Estimate
from assay.project.params.gate import GateParams
from assay.reports.evaluation import Evaluation, FeatureDrop, FeatureImportance
from assay.reports.verdict import Outcome
from tests.gate import build

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def shuffled(metric: str, error: float | None, **drops: float | None) -> Evaluation:
    found = FeatureImportance(
        metric=metric,
        rows=1000,
        repeats=5,
        features=tuple(
            FeatureDrop(feature=name, drop=drop, low=drop, high=drop)
            for name, drop in drops.items()
        ),
        why=None if drops else "no reason at all",
    )
    measured = Estimate(value=error, low=None, high=None, why=None if error else "too few")
    return build.changed(build.evaluation(measured, metric=metric), importance=found)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("evaluation", "outcome", "words"),
    [
        (shuffled("mae", 0.5, total=10.5, fare=2.0), FAIL, "shuffling 'total'"),
        (shuffled("mae", 0.5, total=4.0, fare=None), PASS, "adds 8 times"),
        (shuffled("auc", 0.9, hour=1.5), FAIL, "adds 15 times"),
        (shuffled("auc", 0.9, hour=0.3), PASS, "adds 3 times"),
        (shuffled("mae", 0.5, total=-0.1), PASS, "adds 0 times"),
        (shuffled("mae", 0.0, total=0.1), FAIL, "over the limit of 10"),
        (shuffled("mae", None, total=0.1), INCONCLUSIVE, "mae has no value"),
        (shuffled("mae", 0.5), INCONCLUSIVE, "no reason at all"),
        (build.evaluation(), INCONCLUSIVE, "has not shuffled the features"),
    ],
)
def test_the_error_of_a_model_that_hangs_on_one_feature(
    evaluation: Evaluation, outcome: Outcome, words: str
) -> None:
    told = shuffled_error(build.rule(kind="leakage"), evaluation)
    assert (told.outcome, told.blocks) == (outcome, outcome is not PASS)
    assert words in told.detail and told.slice == "shuffled_error"


def test_a_metric_that_is_no_error_is_said_and_does_not_decide() -> None:
    told = shuffled_error(build.rule(kind="leakage"), shuffled("bias", 0.1, fare=3.0))
    assert (told.outcome, told.blocks) == (INCONCLUSIVE, False)


@pytest.mark.parametrize(
    ("alone", "model", "champion", "outcome", "words"),
    [
        (0.7, 0.95, None, FAIL, "that of the best feature alone 0.7,"),
        (0.7, 0.9, None, PASS, "3 times less"),
        (0.7, 0.95, 0.93, PASS, "that of the champion 0.93,"),
        (0.7, 0.99, 0.85, FAIL, "15 times less"),
        (0.99, 1.0, None, PASS, "that of the best feature alone 0.99, within"),
        (0.7, 0.95, 0.6, FAIL, "that of the best feature alone 0.7,"),
        (None, 0.95, None, INCONCLUSIVE, "not known"),
        (0.7, None, None, INCONCLUSIVE, "not known"),
    ],
)
def test_a_model_far_better_than_any_feature_and_the_champion(
    alone: float | None, model: float | None, champion: float | None, outcome: Outcome, words: str
) -> None:
    checks = tuple(
        build.changed(each, observed=alone) if each.check == "label_power" else each
        for each in build.leakage().checks
    )
    known = build.changed(build.difference(0.1), champion=champion)
    told = error_jump(
        build.rule(kind="leakage"),
        build.changed(build.leakage(), checks=checks),
        build.evaluation(None if model is None else Estimate(value=model, low=None, high=None)),
        build.alone("none") if champion is None else build.comparison(known),
    )
    assert told.outcome is outcome and words in told.detail


def test_what_chance_may_have_made_good_is_no_jump() -> None:
    checks = tuple(
        build.changed(each, observed=0.7) if each.check == "label_power" else each
        for each in build.leakage().checks
    )
    told = error_jump(
        build.rule(kind="leakage"),
        build.changed(build.leakage(), checks=checks),
        build.evaluation(Estimate(value=0.99, low=0.9, high=1.0)),
        build.alone("none"),
    )
    assert told.outcome is PASS


@pytest.mark.parametrize("name", ["shuffled_error", "error_jump"])
def test_its_limit_is_a_key_of_the_rule_that_its_next_step_names(name: str) -> None:
    loose = build.rule(kind="leakage", max_shuffled_error=100, max_error_jump=100)
    assert isinstance(build.gate(loose), GateParams)
    found = shuffled_error(loose, shuffled("mae", 0.5, total=10.5))
    assert found.outcome is PASS
    rule = build.rule(kind="leakage")
    failed = shuffled_error(rule, shuffled("mae", 0.5, total=10.5))
    told = next_steps.with_next_step(rule, build.changed(failed, metric=name)).mend
    assert told == next_steps.LEAKAGE[name] and f"max_{name}" in told  # type: ignore[index]
