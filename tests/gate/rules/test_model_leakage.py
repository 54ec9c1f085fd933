"""What only a trained model shows of a leak: all hangs on one feature, or it is too good."""

from __future__ import annotations

import pytest

from assay.gate.rules.leakage import LEAKAGE_WORDS, error_jump, shuffled_error
from assay.metrics.estimate import Estimate
from assay.reports.evaluation import Evaluation, FeatureDrop, FeatureImportance
from assay.reports.verdict import Finding, Outcome
from tests.gate import build

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def shuffled(
    metric: str, value: float | None, saved: float | None = None, **drops: float | None
) -> Evaluation:
    """A model with this value, which saves a share of the error of always saying the same."""
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
    skill = {"rmse": "r2", "r2": "r2"}.get(metric, "mae_skill")
    known = {name: one for name, one in ((skill, saved), (metric, value)) if one is not None}
    metrics = {name: Estimate(value=one, low=None, high=None) for name, one in known.items()}
    return build.changed(  # type: ignore[no-any-return]
        build.evaluation(task="regression"), metrics=metrics, importance=found
    )


@pytest.mark.parametrize(
    ("evaluation", "outcome", "words"),
    [
        (shuffled("mae", 0.5, 0.8, total=10.5, fare=2.0), FAIL, "shuffling 'total'"),
        (shuffled("mae", 0.5, 0.8, total=4.0, fare=None), PASS, "adds 1.6 times the error of"),
        (shuffled("mae", 0.5, 0.8, total=-0.1), PASS, "adds 0 times"),
        (shuffled("mae_skill", 0.8, 0.8, total=2.1), FAIL, "adds 2.1 times"),
        (shuffled("mae_skill", 0.8, 0.8, total=1.9), PASS, "adds 1.9 times"),
        (shuffled("rmse", 2.0, 0.96, total=22.0), FAIL, "adds 2.2 times"),
        (shuffled("rmse", 2.0, 0.96, total=12.0), PASS, "adds 1.2 times"),
        (shuffled("r2", 0.96, 0.96, total=6.0), FAIL, "adds 2.26 times"),
        (shuffled("r2", 0.96, 0.96, total=2.0), PASS, "adds 1.23 times"),
        (shuffled("r2", 0.96, 0.96, total=-0.2), PASS, "adds 0 times"),
        # Of a label that rises, what always says the same of training is far off, and so is a line.
        (shuffled("mae", 0.3, -10.0, fare=0.0), PASS, "no better than always saying the same"),
        (shuffled("mae", 0.3, -10.0, fare=2.0), PASS, "no better than always saying the same"),
        (shuffled("mae", 0.0, 1.0, total=0.1), FAIL, "makes no error at all"),
        (shuffled("mae", None, 0.8, total=0.1), INCONCLUSIVE, "has no value"),
        (shuffled("mae", 0.5, None, total=0.1), INCONCLUSIVE, "mae_skill has no value"),
        (shuffled("mae", 0.5, 0.8), INCONCLUSIVE, "no reason at all"),
        (build.evaluation(), INCONCLUSIVE, "has not shuffled the features"),
    ],
)
def test_the_error_of_a_model_that_hangs_on_one_feature(
    evaluation: Evaluation, outcome: Outcome, words: str
) -> None:
    told = shuffled_error(build.rule(kind="leakage"), evaluation)
    assert (told.outcome, told.blocks) == (outcome, outcome is not PASS)
    assert words in told.detail and told.slice == "shuffled_error"


@pytest.mark.parametrize(
    ("saved", "drop"),
    [
        pytest.param(0.962, 36.79, id="temperature by dew point and humidity"),
        pytest.param(0.865, 10.1, id="diamonds by carat, cut, color, clarity"),
        pytest.param(0.945, 19.51, id="an amount by quantity and price"),
        pytest.param(0.962, 33.4, id="three times one feature, and others"),
    ],
)
def test_a_good_model_of_a_feature_that_describes_rows_is_no_leak(
    saved: float, drop: float
) -> None:
    # Boosted trees on public and made up tables: the error grows by ``drop`` times itself.
    told = shuffled_error(build.rule(kind="leakage"), shuffled("mae", 1.0, saved, most=drop))
    assert told.outcome is PASS


def test_a_linear_model_of_a_tip_by_its_total_fails() -> None:
    told = shuffled_error(build.rule(kind="leakage"), shuffled("mae", 1.0, 0.817, total=29.36))
    assert told.outcome is FAIL and "adds 5.37 times" in told.detail


@pytest.mark.parametrize("metric", ["bias", "p90_error", "data.metrics.cost"])
def test_a_metric_that_no_constant_has_is_said_and_does_not_decide(metric: str) -> None:
    told = shuffled_error(build.rule(kind="leakage"), shuffled(metric, 0.1, 0.8, fare=3.0))
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
        (None, 0.99, 0.85, FAIL, "that of the champion 0.85,"),
        (None, 0.95, None, INCONCLUSIVE, "not known"),
        (0.7, None, 0.85, INCONCLUSIVE, "not known"),
    ],
)
def test_a_model_far_better_than_any_feature_and_the_champion(
    alone: float | None, model: float | None, champion: float | None, outcome: Outcome, words: str
) -> None:
    told = jump(
        alone, None if model is None else Estimate(value=model, low=None, high=None), champion
    )
    assert told.outcome is outcome and words in told.detail
    # Features that tell together what none tells alone are no leak: without a champion a person
    # is asked, and what to do is said all the same.
    assert told.blocks is (outcome is not PASS and champion is not None)
    asked = outcome is not PASS and champion is None
    assert ("this does not decide" in told.detail) is asked
    assert (told.fix == LEAKAGE_WORDS["error_jump"].advice) is asked


def test_what_chance_may_have_made_good_is_no_jump() -> None:
    assert jump(0.7, Estimate(value=0.99, low=0.9, high=1.0), None).outcome is PASS


def jump(alone: float | None, model: Estimate | None, champion: float | None) -> Finding:
    """Of a model, where a feature alone and the champion have these values."""
    checks = tuple(
        build.changed(each, observed=alone) if each.check == "label_power" else each
        for each in build.leakage().checks
    )
    known = build.changed(build.difference(0.1), champion=champion)
    return error_jump(
        build.rule(kind="leakage"),
        build.changed(build.leakage(), checks=checks),
        build.evaluation(model),
        build.alone("none") if champion is None else build.comparison(known),
    )


@pytest.mark.parametrize("name", ["shuffled_error", "error_jump"])
def test_its_limit_is_a_key_of_the_rule_that_its_next_step_names(name: str) -> None:
    loose = build.rule(kind="leakage", max_shuffled_error=100, max_error_jump=100)
    found = shuffled_error(loose, shuffled("mae", 0.5, 0.8, total=10.5))
    assert found.outcome is PASS
    rule = build.rule(kind="leakage")
    failed = shuffled_error(rule, shuffled("mae", 0.5, 0.8, total=10.5))
    told = rule.advice(build.changed(failed, metric=name))
    assert told == LEAKAGE_WORDS[name].advice and f"max_{name}" in told  # type: ignore[index]
