"""A holdout that is asked again: what a PASS of its k-th challenger takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds
from assay.gate.rules.kind import Rule
from assay.metrics.estimate import Estimate
from assay.metrics.intervals.spending import pass_level
from assay.project.document import Report
from assay.project.params.behaviour import GateParams
from assay.reports.verdict import Finding, Outcome
from tests.gate import build
from tests.gate.build import changed

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def finding(outcome: Outcome, chance: float | None) -> Finding:
    return Finding(
        rule="ranks", kind="rule", outcome=outcome, detail="auc 0.8 meets it", chance=chance
    )


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from(Outcome))
def test_only_a_pass_that_is_not_certain_enough_is_held_back(
    challenger: int, chance: float, outcome: Outcome
) -> None:
    given = finding(outcome, chance)
    held = kinds.hold(given, challenger, 0.95)
    if outcome is PASS and chance > pass_level(challenger, 0.95):
        assert held.outcome is INCONCLUSIVE
    else:
        assert held is given


def test_it_says_what_it_has_and_what_it_takes() -> None:
    held = kinds.hold(finding(PASS, 0.004), 12, 0.95)
    assert held.detail == (
        "auc 0.8 meets it, but with 99.6 % certainty: of the 12th challenger on this holdout a "
        "PASS takes 99.981 %, not 97.5 %"
    )
    assert held.fix is not None and "assay window" in held.fix
    assert kinds.hold(finding(PASS, None), 12, 0.95).outcome is PASS
    exactly = finding(PASS, pass_level(12, 0.95))
    assert kinds.hold(exactly, 12, 0.95) is exactly


def judged(rule: Any, challenger: int, *reports: Report) -> Finding:
    texts = {report.FILE: report.text() for report in reports}
    inputs = GateInputs(lambda path, stage: texts[path], challenger=challenger)
    (found,) = kinds.evaluate_rule(rule, inputs, build.gate())
    return found


MEASURED = Estimate(0.8, 0.76, 0.835, degrees=29.0)
AUC = build.rule(metric="auc", min=0.75)
VALUE = build.rule(metric="auc", min=0.75, decide="value")
LOSS = build.rule(metric="log_loss", max=0.5)
WORSE = build.rule(kind="change", metric="auc", margin=0.01)
FLIPPED = build.rule(kind="stability", max_flipped=0.2)
ALIKE = build.rule(kind="fairness", of="auc", across="origin", max_difference=0.1)


def reports() -> tuple[Report, ...]:
    groups = [
        build.place(name, Estimate(value, value - 0.03, value + 0.03, degrees=50.0))
        for name, value in (("JFK", 0.8), ("LGA", 0.78))
    ]
    metrics = {"auc": MEASURED, "log_loss": Estimate(0.45, 0.42, 0.49, degrees=29.0)}
    evaluation = changed(build.evaluation(MEASURED, *groups), metrics=metrics)
    difference = build.difference(0.005, 0.005, degrees=29.0)
    return evaluation, build.comparison(difference, stability=build.flips(150, 1000))


@pytest.mark.parametrize("rule", [AUC, LOSS, WORSE, FLIPPED, ALIKE])
def test_each_rule_with_an_interval_asks_the_later_for_more(rule: Any) -> None:
    outcomes = [judged(rule, place, *reports()).outcome for place in (1, 2, 1000)]
    assert outcomes[0] is PASS and outcomes[2] is INCONCLUSIVE
    first = judged(rule, 1, *reports())
    assert first.chance is not None and 0 < first.chance < 0.025
    # Exactly where its own chance is spent.
    least = next(k for k in range(1, 1001) if pass_level(k, 0.95) < first.chance)
    assert judged(rule, least - 1, *reports()) == first
    assert judged(rule, least, *reports()).outcome is INCONCLUSIVE


def test_what_is_decided_by_its_value_is_not_asked_for_more() -> None:
    found = judged(VALUE, 1000, *reports())
    assert (found.outcome, found.chance) == (PASS, None)


def test_a_model_that_is_known_exactly_passes_whoever_asked_before() -> None:
    rule = build.rule(kind="change", metric="auc", margin=0.0)
    same = build.comparison(build.difference(0.0, 0.0))
    assert judged(rule, 1000, same).outcome is PASS


class Calls(Rule):
    """A kind of a project's own, which states the chance of its PASS."""

    reads = ("rehearsal",)

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        return (self.finding(PASS, "few calls", chance=0.01),)


def test_a_kind_of_the_project_s_own_is_held_to_what_it_states() -> None:
    rule = Calls(name="calls", kind="data.kinds.Calls", **build.OURS)
    evaluation, _ = reports()
    outcomes = [judged(rule, place, evaluation).outcome for place in (1, 2, 3)]
    assert outcomes == [PASS, PASS, INCONCLUSIVE]


@pytest.mark.parametrize("value", [0.5, 0.7])
def test_what_does_not_pass_has_no_chance_of_passing_falsely(value: float) -> None:
    found = judged(AUC, 5, build.evaluation(Estimate(value, value - 0.1, value + 0.1)))
    assert found.outcome is not PASS and found.chance is None


def test_of_many_challengers_that_are_no_better_at_most_one_team_in_twenty_passes_one() -> None:
    rng = np.random.default_rng(7)
    chances = special.ndtr(-rng.standard_normal((4000, 50)))
    levels = np.array([pass_level(k, 0.95) for k in range(1, 51)])
    assert 0.03 < (chances < levels).any(axis=1).mean() < 0.055
    assert (chances < 0.025).any(axis=1).mean() > 0.6
