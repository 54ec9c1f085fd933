"""Challenger against champion: margins, gains, slices, and a champion that is no use."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gate.rules.change import evaluate, limit_and_direction
from assay.project.params.behaviour import GateParams
from assay.project.tasks import describe_direction
from assay.reports.comparison import Comparison
from assay.reports.verdict import Finding, Outcome
from tests.gate import build
from tests.gate.build import alone, compared_place, comparison, difference

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
NAN, INF = math.nan, math.inf


def rule(**changes: Any) -> Any:
    values = {"kind": "change", "metric": "auc", **changes}
    if "gain" not in changes:
        values.setdefault("margin", 0.02)
    return build.rule(**values)


def decided(some: Any, about: Comparison, policy: GateParams | None = None) -> tuple[Finding, ...]:
    return evaluate(some, about, policy or build.gate())


@pytest.mark.parametrize(
    ("value", "error", "asked", "expected"),
    [
        (0.0, 0.0, {"margin": 0.02}, PASS),
        (0.0, 0.01, {"margin": 0.02}, PASS),
        (0.0, 0.011, {"margin": 0.02}, INCONCLUSIVE),
        (-0.05, 0.01, {"margin": 0.02}, FAIL),
        (-0.02, 0.0, {"margin": 0.02}, PASS),
        (-0.021, 0.0, {"margin": 0.02}, FAIL),
        (-0.03, 0.01, {"margin": 0.02}, INCONCLUSIVE),
        (0.0, 0.0, {"margin": 0.0}, PASS),
        (0.05, 0.01, {"gain": 0.02}, PASS),
        (0.03, 0.01, {"gain": 0.02}, INCONCLUSIVE),
        (0.0, 0.011, {"gain": 0.02}, INCONCLUSIVE),
        (-0.01, 0.01, {"gain": 0.02}, FAIL),
        (0.0, 0.0, {"gain": 0.02}, FAIL),
    ],
)
def test_margin_and_gain(
    value: float, error: float, asked: dict[str, float], expected: Outcome
) -> None:
    (found,) = decided(rule(**asked), comparison(difference(value, error)))
    assert found.outcome is expected
    assert found.blocks is (expected is not PASS)
    assert found.observed == value
    assert found.limit == (asked["gain"] if "gain" in asked else -asked["margin"])
    assert found.direction == "min"
    assert (found.champion, found.challenger) == (0.8, 0.8 + value)
    assert (found.method, found.metric, found.rows) == ("DeLong", "auc", 1000)
    assert found.low == pytest.approx(value - build.Z * error)
    assert found.high == pytest.approx(value + build.Z * error)


@pytest.mark.parametrize(
    ("metric", "asked", "limit"),
    [
        ("auc", {"margin": 0.02}, (-0.02, "min")),
        ("auc", {"gain": 0.02}, (0.02, "min")),
        ("auc", {"margin": 0.0}, (0.0, "min")),
        ("log_loss", {"margin": 0.02}, (0.02, "max")),
        ("log_loss", {"gain": 0.02}, (-0.02, "max")),
        ("log_loss", {"margin": 0.0}, (0.0, "max")),
        ("bias", {"margin": 0.02}, (0.02, "max")),
    ],
)
def test_limits_are_stated_on_challenger_minus_champion(
    metric: str, asked: dict[str, float], limit: tuple[float, str]
) -> None:
    found = limit_and_direction(rule(metric=metric, **asked), describe_direction(metric))
    assert found == limit
    assert math.copysign(1, found[0]) == (-1 if found[0] < 0 else 1)  # no '-0' for people


def test_a_loss_is_better_lower() -> None:
    about = comparison(difference(0.05), metric="log_loss")
    (found,) = decided(rule(metric="log_loss"), about)
    assert found.outcome is FAIL
    about = comparison(difference(-0.05), metric="log_loss")
    (found,) = decided(rule(metric="log_loss"), about)
    assert (found.outcome, found.observed) == (PASS, -0.05)
    assert found.low is not None and found.high is not None and found.low < -0.05 < found.high


def test_a_bias_is_better_near_zero() -> None:
    """From 1.0 to -1.2: it lies 0.2 further off, though the difference is -2.2."""
    told = difference(-2.2, 0.01, champion=1.0, challenger=-1.2)
    about = comparison(told, metric="bias", task="regression")
    (found,) = decided(rule(metric="bias", margin=0.1), about)
    assert found.outcome is FAIL
    assert found.observed == pytest.approx(0.2)
    (found,) = decided(rule(metric="bias", margin=0.3), about)
    assert found.outcome is PASS


def test_details_are_sentences() -> None:
    (found,) = decided(rule(), comparison(difference(0.0)))
    about = comparison(None, compared_place("JFK", difference(-0.01), rows=214))
    (found,) = decided(rule(slice="origin"), about)
    assert found.detail == (
        "the change of auc on origin=JFK is -0.01, 95% interval -0.0296 to 0.0096, which cannot"
        " be told from the limit of at least -0.02: this slice of 214 rows cannot see a drop"
        " under 0.028; about 1,700 rows would tell"
    )
    assert found.units_needed == 1680
    (found,) = decided(rule(), comparison(difference(-0.01), rows=214), build.gate(power=0.9))
    assert found.units_needed == 2249


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "the comparison has no auc"),
        (difference(None), "auc has no difference to decide on: only one class"),
        (difference(0.0, None), "auc has no difference to decide on: only one class"),
        (difference(0.0, None, why=None), "auc has no difference to decide on: no reason"),
        (difference(NAN), "auc decides nothing: value nan is not a finite number"),
        (difference(INF), "auc decides nothing: value inf is not a finite number"),
        (difference(0.0, NAN), "standard error nan is no finite number"),
        (difference(0.0, INF), "standard error inf is no finite number"),
        (difference(0.0, -0.1), "standard error -0.1 is no finite number"),
        (difference(0.0, skew=NAN), "cannot be"),
        (difference(0.0, degrees=0.0), "cannot be"),
    ],
)
def test_what_cannot_be_decided_fails(found: Any, reason: str) -> None:
    about = comparison(
        found, compared_place("JFK", found) if found else compared_place("JFK", None)
    )
    (told,) = decided(rule(), about)
    assert told.outcome is FAIL
    assert told.blocks
    assert reason in told.detail
    assert (told.metric, told.rows, told.slice) == ("auc", 1000, None)
    if found is not None:
        (told,) = decided(rule(slice="origin"), about)
        assert (told.outcome, told.slice, told.rows) == (FAIL, "origin=JFK", 500)


@pytest.mark.parametrize("slice_field", [None, "origin"])
@pytest.mark.parametrize("value", [0.1, None])
def test_too_few_of_a_label_is_no_failure(slice_field: str | None, value: float | None) -> None:
    few = difference(value, None, why="3 positives, fewer than 10", few=True, needed=3334)
    about = comparison(few, compared_place("EWR", few), compared_place("JFK", difference(0.0)))
    found, *rest = decided(rule(slice=slice_field), about)
    assert [each.outcome for each in rest] == ([PASS] if slice_field else [])
    assert (found.outcome, found.blocks) == (INCONCLUSIVE, True)
    assert (found.metric, found.units_needed) == ("auc", 3334)
    assert (found.slice, found.rows) == (("origin=EWR", 500) if slice_field else (None, 1000))


def test_too_few_rows_of_none_at_all_fail() -> None:
    (found,) = decided(rule(), comparison(difference(None, few=True), rows=0))
    assert (found.outcome, found.detail) == (FAIL, "auc was compared on no rows")


@pytest.mark.parametrize(
    ("value", "expected"), [(0.05, INCONCLUSIVE), (-0.01, INCONCLUSIVE), (-0.06, FAIL)]
)
def test_a_doubt_keeps_from_passing_and_from_nothing_else(value: float, expected: Outcome) -> None:
    (found,) = decided(rule(), comparison(difference(value, doubt="rows are missing")))
    assert found.outcome is expected
    seems = "seems to meet the limit of at least -0.02, but rows are missing"
    assert found.detail.endswith(seems) is (value == 0.05)


def test_what_varies_is_named_and_counted() -> None:
    one = difference(-0.01, design_effect=4.0)
    (found,) = decided(rule(), comparison(one, unit="night", units=30))
    assert (found.unit, found.units, found.rows) == ("night", 30, 1000)
    assert (found.design_effect, found.units_needed) == (4.0, 236)
    assert found.detail.endswith(
        "the holdout of 30 nights cannot see a drop under 0.028; about 240 nights would tell "
        "(clustered by night: design effect 4, interval 2.0 times wider)"
    )


def test_half_a_difference_fails() -> None:
    """A value and an error, but not both models' own numbers."""
    for gone in ("champion", "challenger"):
        (told,) = decided(rule(), comparison(difference(0.0, **{gone: None})))
        assert told.outcome is FAIL
        assert told.detail == "the auc of one of the two models is missing"


def test_no_rows_fail() -> None:
    (found,) = decided(rule(), comparison(difference(0.0, 0.0), rows=0))
    assert found.outcome is FAIL


def test_an_empty_slice_fails() -> None:
    about = comparison(None, compared_place("EWR", difference(0.0), rows=0))
    (found,) = decided(rule(slice="origin"), about)
    assert (found.outcome, found.blocks) == (FAIL, True)


def test_slices_are_decided_one_by_one() -> None:
    about = comparison(
        difference(0.0),
        compared_place("EWR", difference(0.0)),
        compared_place("JFK", difference(-0.1)),
        compared_place("LGA", None, rows=114),
    )
    found = decided(rule(slice="origin"), about)
    assert [(each.slice, each.outcome, each.rows) for each in found] == [
        ("origin=EWR", PASS, 500),
        ("origin=JFK", FAIL, 500),
        ("origin=LGA", INCONCLUSIVE, 114),
    ]
    assert found[2].blocks
    found = decided(rule(slice="origin", min_rows=200), about)
    assert [(each.slice, each.blocks) for each in found] == [
        ("origin=EWR", False),
        ("origin=JFK", True),
        ("origin=LGA", False),
    ]


def test_an_unknown_slice_fails() -> None:
    about = comparison(difference(0.0), compared_place("EWR", difference(0.0)))
    (found,) = decided(rule(slice="orign"), about)
    assert found.outcome is FAIL


def test_a_fail_has_to_stand_after_the_correction() -> None:
    """One-sided p of 2.2 errors is 0.0139: under 0.025, over it when doubled."""
    about = comparison(
        None,
        compared_place("EWR", difference(-0.02 - 0.022)),
        compared_place("JFK", difference(0.5)),
    )
    for correction, expected in (("none", FAIL), ("holm", INCONCLUSIVE)):
        found = decided(rule(slice="origin"), about, build.gate(correction=correction))
        assert [each.outcome for each in found] == [expected, PASS]


def test_passing_needs_no_correction() -> None:
    places = [compared_place(f"P{index}", difference(0.0)) for index in range(50)]
    found = decided(rule(slice="origin"), comparison(None, *places))
    assert {each.outcome for each in found} == {PASS}


def test_no_champion_yet_is_inconclusive_and_let_be() -> None:
    (found,) = decided(rule(), alone("none"))
    assert (found.outcome, found.blocks, found.exemption_reason) == (
        INCONCLUSIVE,
        False,
        "tolerated",
    )


@pytest.mark.parametrize("state", ["unreadable", "features_missing", "incomparable"])
def test_a_champion_that_is_no_use_fails_and_says_why(state: Any) -> None:
    for some in (rule(), rule(slice="origin"), rule(inconclusive="pass")):
        (found,) = decided(some, alone(state, "the bundle is gone"))
        assert (found.outcome, found.blocks) == (FAIL, True)
        assert found.detail.startswith("a champion ")
        assert found.detail.endswith(": the bundle is gone")


def test_a_metric_of_another_task_fails() -> None:
    (found,) = decided(rule(metric="rmse"), alone("none"))
    assert found.outcome is FAIL


@given(st.floats(-0.2, 0.2), st.floats(0, 0.1), st.floats(0, 0.1))
def test_pass_means_that_the_interval_stays_within_the_margin(
    value: float, error: float, margin: float
) -> None:
    (found,) = decided(rule(margin=margin), comparison(difference(value, error)))
    assert found.low is not None and found.high is not None
    if found.outcome is PASS:
        assert found.low >= -margin
    if found.outcome is FAIL:
        assert found.high < -margin
    loss = comparison(difference(-value, error), metric="log_loss")
    (turned,) = decided(rule(metric="log_loss", margin=margin), loss)
    assert turned.outcome is found.outcome


def slices(*losses: float, small: int = 0, error: float = 0.01) -> Comparison:
    """Towns whose AUC changed by these, and some that are too small."""
    towns = [compared_place(f"T{n}", difference(loss, error)) for n, loss in enumerate(losses)]
    towns += [compared_place(f"small{n}", None, 50) for n in range(small)]
    return comparison(difference(0.01), *towns)


def test_no_slice_of_those_there_are_may_lose_beyond_chance() -> None:
    every = rule(slice="*", margin=0.0)
    lost, others = decided(every, slices(-0.05, *[0.0] * 19, small=2))
    assert (lost.outcome, lost.slice, lost.blocks) == (FAIL, "origin=T0", True)
    assert (others.outcome, others.slice) == (PASS, None)


def test_a_loss_that_one_of_many_slices_shows_by_chance_does_not_decide() -> None:
    # 2.2 standard errors: chance in one of twenty slices, but not in the only one.
    every = rule(slice="*", margin=0.0)
    (told,) = decided(every, slices(-0.022, *[0.001] * 19))
    assert (told.outcome, told.blocks) == (PASS, False)
    assert "origin=T0 comes nearest, where the change of auc is -0.022" in told.detail
    lost, _ = decided(every, slices(-0.022))
    assert (lost.outcome, lost.slice) == (FAIL, "origin=T0")


def test_slices_that_cannot_be_compared_are_said_and_do_not_decide() -> None:
    (told,) = decided(rule(slice="*"), slices(small=3))
    assert (told.outcome, told.blocks) == (INCONCLUSIVE, False)
    (told,) = decided(rule(slice="*"), alone("none"))
    assert (told.outcome, told.blocks) == (INCONCLUSIVE, False)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "limit", "metric": "auc", "min": 0.5, "slice": "*"}, "kind: change beside slice"),
        ({"kind": "change", "metric": "auc", "gain": 0.5, "slice": "*"}, "a margin beside slice"),
    ],
)
def test_every_slice_is_for_losses_only(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build.rule(**values)
