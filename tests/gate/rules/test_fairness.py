"""Groups of a field against each other: every pair, one finding, no group left unseen."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from assay.gate.rules import groups
from assay.gate.rules.fairness import MOST_GROUPS, evaluate, limit_and_direction
from assay.metrics.estimate import Estimate
from assay.project.params.behaviour import GateParams
from assay.reports.evaluation import Evaluation, GroupCorrelations, SliceResult
from assay.reports.verdict import Finding, Outcome
from tests.gate import build
from tests.gate.build import Z, changed, evaluation, place

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
NAN, INF = math.nan, math.inf


def rule(**changes: Any) -> Any:
    values = {"kind": "fairness", "of": "selection_rate", "across": "origin", **changes}
    if "min_ratio" not in changes:
        values.setdefault("max_difference", 0.1)
    return build.rule("fair", **values)


def decided(some: Any, about: Evaluation, policy: GateParams | None = None) -> Finding:
    (found,) = evaluate(some, about, policy or build.gate())
    return found


def chosen(value: str, selected: int, rows: int = 1000) -> SliceResult:
    return place(value, Estimate(0.8, 0.7, 0.9), rows, selected=selected)


def group(value: str, selected: int, rows: int) -> groups.GroupValue:
    found = build.share(selected, rows)
    assert found.value is not None and found.low is not None and found.high is not None
    return groups.GroupValue(f"origin={value}", rows, found.value, found.low, found.high)


def ranked(value: str, auc: float, error: float = 0.01, rows: int = 500) -> SliceResult:
    return place(value, Estimate(auc, auc - Z * error, auc + Z * error), rows)


@pytest.mark.parametrize(
    ("counts", "asked", "expected"),
    [
        ((300, 310), {"max_difference": 0.1}, PASS),
        ((300, 500), {"max_difference": 0.1}, FAIL),
        ((500, 300), {"max_difference": 0.1}, FAIL),
        ((300, 390), {"max_difference": 0.1}, INCONCLUSIVE),
        ((300, 410), {"max_difference": 0.1}, INCONCLUSIVE),
        ((300, 310), {"min_ratio": 0.8}, PASS),
        ((100, 500), {"min_ratio": 0.8}, FAIL),
        ((500, 100), {"min_ratio": 0.8}, FAIL),
        ((300, 350), {"min_ratio": 0.8}, INCONCLUSIVE),
        ((300, 390), {"min_ratio": 0.8}, INCONCLUSIVE),
        ((0, 0), {"max_difference": 0.1}, PASS),
        ((0, 0), {"min_ratio": 0.8}, FAIL),  # a ratio of nothing says nothing
        ((0, 300), {"min_ratio": 0.8}, FAIL),
    ],
)
def test_selection_rates(
    counts: tuple[int, int], asked: dict[str, float], expected: Outcome
) -> None:
    found = decided(
        rule(**asked), evaluation(None, chosen("EWR", counts[0]), chosen("JFK", counts[1]))
    )
    assert found.outcome is expected
    assert found.blocks is (expected is not PASS)
    assert found.metric == "selection_rate"


def test_the_finding_has_the_pairs_own_numbers() -> None:
    found = decided(rule(), evaluation(None, chosen("EWR", 300), chosen("JFK", 500, 800)))
    pair = groups.difference(group("EWR", 300, 1000), group("JFK", 500, 800))
    assert (found.observed, found.low, found.high) == (pair.value, pair.low, pair.high)
    assert (found.limit, found.direction, found.rows) == (0.1, "max", 1800)
    assert (found.method, found.slice) == ("Newcombe and Zou-Donner", None)
    assert found.detail == (
        "the difference of selection_rate between origin=JFK and origin=EWR, the furthest of 1"
        " pairs, is 0.325, 95% interval 0.2802 to 0.3679, which misses the limit of at most 0.1"
    )
    found = decided(rule(min_ratio=0.8), evaluation(None, chosen("EWR", 300), chosen("JFK", 300)))
    assert (found.limit, found.direction, found.method) == (0.8, "min", "Donner-Zou")
    assert found.detail.startswith("the ratio of selection_rate between origin=EWR and origin=JFK")


def test_groups_that_share_nights_are_compared_by_what_they_share() -> None:
    parts = (chosen("JFK", 300), chosen("LGA", 330), chosen("EWR", 310))
    known = GroupCorrelations.of("origin", ("EWR", "JFK", "LGA"), {"selection_rate": [0, 0, 0.95]})
    other = GroupCorrelations.of("carrier", ("JFK", "LGA"), {"selection_rate": [0.99]})
    some = rule(max_difference=0.05)
    apart = decided(some, evaluation(None, *parts))
    assert apart.outcome is INCONCLUSIVE and apart.method == "Newcombe and Zou-Donner"
    paired = decided(some, changed(evaluation(None, *parts), correlations=(other, known)))
    # The pair of JFK and LGA is known well now; that of EWR and JFK reaches furthest.
    assert paired.outcome is INCONCLUSIVE and "LGA" in paired.detail and "EWR" in paired.detail
    assert paired.method == "Newcombe and Zou-Donner, paired by row"
    two = changed(evaluation(None, *parts[:2]), correlations=(known,))
    assert decided(some, two).outcome is PASS
    assert decided(rule(min_ratio=0.85), two).outcome is PASS
    assert decided(rule(min_ratio=0.85), evaluation(None, *parts[:2])).outcome is INCONCLUSIVE
    far = changed(evaluation(None, chosen("JFK", 300), chosen("LGA", 380)), correlations=(known,))
    assert decided(some, far).outcome is FAIL


def test_the_furthest_pair_is_named() -> None:
    about = evaluation(None, chosen("A", 300), chosen("B", 320), chosen("C", 500), chosen("D", 310))
    found = decided(rule(), about)
    assert found.outcome is FAIL
    assert "between origin=C and origin=A, the furthest of 6 pairs" in found.detail
    about = evaluation(None, chosen("A", 300), chosen("B", 305), chosen("C", 330), chosen("D", 310))
    found = decided(rule(), about)
    assert found.outcome is PASS
    assert "between origin=C and origin=A" in found.detail


def test_an_undecided_rule_names_the_pair_whose_interval_reaches_furthest() -> None:
    about = evaluation(None, chosen("A", 30, 100), chosen("B", 300, 1000), chosen("C", 360, 1000))
    found = decided(rule(), about)
    assert found.outcome is INCONCLUSIVE
    assert "between origin=C and origin=A" in found.detail


def test_a_pair_that_fails_is_named_before_one_that_is_further_apart() -> None:
    """A and B are sure to be too far apart; C is further off but has few rows."""
    about = evaluation(
        None, chosen("A", 30000, 100000), chosen("B", 45000, 100000), chosen("C", 8, 13)
    )
    found = decided(rule(), about)
    assert found.outcome is FAIL
    assert "between origin=B and origin=A" in found.detail


def test_the_limit_itself_is_within() -> None:
    exact = (place("A", Estimate(0.5, 0.5, 0.5)), place("B", Estimate(0.75, 0.75, 0.75)))
    about = evaluation(None, *exact)
    assert decided(rule(of="auc", max_difference=0.25), about).outcome is PASS
    assert decided(rule(of="auc", max_difference=0.249), about).outcome is FAIL
    halves = (place("A", Estimate(0.5, 0.5, 0.5)), place("B", Estimate(0.25, 0.25, 0.25)))
    assert decided(rule(of="auc", min_ratio=0.5), evaluation(None, *halves)).outcome is PASS
    assert decided(rule(of="auc", min_ratio=0.51), evaluation(None, *halves)).outcome is FAIL


def test_an_interval_is_past_the_limit_or_not() -> None:
    """Past it by a little is FAIL; one that ends on it cannot be told."""
    about = evaluation(None, ranked("A", 0.6), ranked("B", 0.8))
    pair = groups.difference(
        groups.GroupValue("origin=A", 500, 0.6, 0.6 - Z * 0.01, 0.6 + Z * 0.01),
        groups.GroupValue("origin=B", 500, 0.8, 0.8 - Z * 0.01, 0.8 + Z * 0.01),
    )
    assert decided(rule(of="auc", max_difference=pair.low - 0.001), about).outcome is FAIL
    assert decided(rule(of="auc", max_difference=pair.low), about).outcome is INCONCLUSIVE


def test_a_fail_has_to_stand_after_the_correction() -> None:
    """Of three pairs one lies past the limit, with a one-sided chance of about 0.01."""
    error = 0.01
    apart = 0.1 + 2.3 * error * math.sqrt(2)
    about = evaluation(
        None,
        ranked("A", 0.6, error),
        ranked("B", 0.6 + apart, error),
        ranked("C", 0.6 + apart / 2, error),
    )
    assert decided(rule(of="auc"), about, build.gate(correction="none")).outcome is FAIL
    for correction in ("holm", "benjamini-hochberg"):
        found = decided(rule(of="auc"), about, build.gate(correction=correction))
        assert found.outcome is INCONCLUSIVE


def test_a_metric_across_groups() -> None:
    about = evaluation(None, ranked("A", 0.8), ranked("B", 0.79), ranked("C", 0.6))
    found = decided(rule(of="auc"), about)
    assert found.outcome is FAIL
    assert "the difference of auc between origin=A and origin=C" in found.detail
    assert found.rows == 1000


def test_groups_of_other_fields_are_left_alone() -> None:
    other = place("UA", Estimate(0.1, 0.1, 0.1), field="carrier")
    about = evaluation(None, ranked("A", 0.8), ranked("B", 0.8), other)
    assert decided(rule(of="auc"), about).outcome is PASS


def test_a_group_that_was_not_measured_keeps_it_from_passing() -> None:
    small = place("C", None, rows=30, selected=8)
    about = evaluation(None, ranked("A", 0.8), ranked("B", 0.8), small)
    found = decided(rule(of="auc"), about)
    assert (found.outcome, found.blocks) == (INCONCLUSIVE, True)
    # Small or not, everybody gets a yes or a no.
    assert decided(rule(), about).outcome is INCONCLUSIVE
    # A group that is sure to lie too far off is FAIL whatever the third one is.
    about = evaluation(None, ranked("A", 0.8), ranked("B", 0.5), place("C", None, 30, selected=8))
    assert decided(rule(of="auc"), about).outcome is FAIL


def test_nothing_measured_is_inconclusive() -> None:
    about = evaluation(None, place("A", None, 30, selected=8), place("B", None, 40, selected=8))
    found = decided(rule(of="auc"), about)
    assert (found.outcome, found.blocks, found.metric) == (INCONCLUSIVE, True, "auc")


def test_the_rule_says_how_large_a_group_has_to_be() -> None:
    about = evaluation(
        None, chosen("A", 120, 400), chosen("B", 120, 400), chosen("C", 1, 399), chosen("D", 1, 9)
    )
    found = decided(rule(min_rows=400, max_difference=0.2), about)
    assert found.outcome is PASS
    assert found.detail.endswith("; 2 groups under 400 rows are left out")


@pytest.mark.parametrize("wanted", [401, 500])
def test_fewer_than_two_groups_fail(wanted: int) -> None:
    about = evaluation(None, chosen("A", 120, 400), chosen("B", 120, 450))
    found = decided(rule(min_rows=wanted), about)
    assert found.outcome is FAIL
    assert decided(rule(), evaluation(None, chosen("A", 120, 400))).outcome is FAIL


def test_an_unknown_field_fails() -> None:
    about = evaluation(None, chosen("A", 300), chosen("B", 300))
    found = decided(rule(across="orign"), about)
    assert found.outcome is FAIL


NO_NUMBER = "auc or its interval is no number to decide on"


@pytest.mark.parametrize(
    ("broken", "of", "reason"),
    [
        (place("C", Estimate(NAN, 0.7, 0.9)), "auc", NO_NUMBER),
        (place("C", Estimate(0.8, NAN, 0.9)), "auc", NO_NUMBER),
        (place("C", Estimate(0.8, 0.7, INF)), "auc", NO_NUMBER),
        (place("C", Estimate(NAN, None, None)), "auc", NO_NUMBER),
        (place("C", Estimate(0.8, 0.9, 0.7)), "auc", NO_NUMBER),
        (place("C", Estimate(0.6, 0.7, 0.9)), "auc", NO_NUMBER),
        (
            place("C", Estimate(None, 0.7, 0.9)),
            "auc",
            "auc could not be computed: no reason was given",
        ),
        (
            place("C", Estimate(None, None, None, "one class")),
            "auc",
            "auc could not be computed: one class",
        ),
        (
            place("C", Estimate(0.8, 0.7, 0.9), metric="f1"),
            "auc",
            "auc could not be computed: no reason was given",
        ),
        (place("C", Estimate(0.8, 0.7, 0.9), rows=0), "auc", "auc was measured on no rows"),
        (
            build.changed(
                chosen("C", 9, rows=9), selected=10, selection_rate=Estimate(10 / 9, 1, 2)
            ),
            "selection_rate",
            "10 of 9 rows got a yes, which cannot be",
        ),
    ],
)
def test_what_is_no_number_fails_and_is_named(broken: SliceResult, of: str, reason: str) -> None:
    about = evaluation(None, ranked("A", 0.8), ranked("B", 0.8), broken)
    found = decided(rule(of=of, max_difference=0.9), about)
    assert (found.outcome, found.metric) == (FAIL, of)


def test_everybody_may_get_a_yes() -> None:
    about = evaluation(None, chosen("A", 1000), chosen("B", 1000))
    assert decided(rule(), about).outcome is PASS


def test_a_group_without_an_interval_keeps_it_from_passing() -> None:
    for half in (Estimate(0.8, None, None), Estimate(0.8, 0.7, None), Estimate(0.8, None, 0.9)):
        about = evaluation(None, ranked("A", 0.8), ranked("B", 0.8), place("C", half))
        found = decided(rule(of="auc"), about)
        assert found.outcome is INCONCLUSIVE
        assert found.detail.endswith("; origin=C has no interval: no reason was given")
    told = build.changed(place("C", Estimate(0.8, None, None, "3 yes")))
    about = evaluation(None, ranked("A", 0.8), ranked("B", 0.8), told)


def test_a_group_without_rows_or_answers_keeps_selection_rates_from_passing() -> None:
    about = evaluation(None, chosen("A", 300), chosen("B", 300), chosen("C", 0, rows=0))
    found = decided(rule(), about)
    assert found.outcome is INCONCLUSIVE
    bare = place("C", Estimate(0.8, 0.7, 0.9), selected=None)
    found = decided(rule(), evaluation(None, chosen("A", 300), chosen("B", 300), bare))
    assert found.outcome is FAIL


@pytest.mark.parametrize("of", ["auc", "selection_rate"])
@pytest.mark.parametrize("value", [0.3, None])
def test_too_few_of_a_label_is_no_failure_and_no_pass(of: str, value: float | None) -> None:
    few = Estimate(value, None, None, "3 positives, fewer than 10", few=True, needed=3334)
    third = place("C", few, rows=100, selected=30)
    about = evaluation(
        None, ranked("A", 0.8), ranked("B", 0.8), build.changed(third, selection_rate=few)
    )
    found = decided(rule(of=of), about)
    assert (found.outcome, found.blocks, found.metric) == (INCONCLUSIVE, True, of)
    # The two that were measured can still fail.
    about = evaluation(None, ranked("A", 0.8), ranked("B", 0.5), third)
    assert decided(rule(of="auc"), about).outcome is FAIL


def test_a_selection_rate_that_is_not_that_of_its_counts_fails() -> None:
    edited = build.changed(chosen("C", 300), selection_rate=build.share(310, 1000))
    found = decided(rule(), evaluation(None, chosen("A", 300), chosen("B", 300), edited))
    assert (found.outcome, found.metric) == (FAIL, "selection_rate")


def test_few_degrees_of_freedom_make_a_miss_less_sure_than_many() -> None:
    """Of three pairs one is past the limit by 1.26 halves of its interval."""

    def about(degrees: float | None, most: float = 0.7356) -> Evaluation:
        parts = [
            place(name, Estimate(auc, auc - 0.02, auc + 0.02, degrees=degrees))
            for name, auc in (("A", 0.6), ("B", most), ("C", min(0.67, most)))
        ]
        return evaluation(None, *parts)

    assert decided(rule(of="auc"), about(None)).outcome is FAIL
    assert decided(rule(of="auc"), about(9.0)).outcome is INCONCLUSIVE
    # So it is with a pass, whose chance counts among those of all that ask the same rows.
    many, few = (decided(rule(of="auc"), about(degrees, 0.62)) for degrees in (None, 9.0))
    assert many.outcome is few.outcome is PASS
    assert many.chance is not None and few.chance is not None
    assert few.chance > 100 * many.chance > 0


def test_what_varies_is_named() -> None:
    about = evaluation(None, chosen("A", 300), chosen("B", 300), unit="night", units=30)
    assert decided(rule(), about).unit == "night"


@pytest.mark.parametrize("of", ["false_positive_rate", "false_negative_rate"])
def test_rates_of_errors_are_compared_like_the_rate_of_answers(of: str) -> None:
    def wrong(value: str, rows: int) -> SliceResult:
        return build.changed(chosen(value, 300), **{of: build.share(rows, 700)})

    def found(*parts: SliceResult) -> Finding:
        return decided(rule(of=of), evaluation(None, *parts))

    assert found(wrong("A", 70), wrong("B", 80)).outcome is PASS
    assert found(wrong("A", 70), wrong("B", 300)).outcome is FAIL
    assert found(wrong("A", 70), wrong("B", 120)).outcome is INCONCLUSIVE
    assert f"the difference of {of} between" in found(wrong("A", 70), wrong("B", 80)).detail
    unmeasured = found(wrong("A", 70), chosen("B", 300))
    assert unmeasured.outcome is FAIL
    assert unmeasured.detail.endswith("it is measured by columns with the role sensitive")


@pytest.mark.parametrize(
    ("of", "task", "reason"),
    [
        ("false_negative_rate", "regression", "false_negative_rate is about yes and no"),
        ("selection_rate", "regression", "selection_rate is about yes and no"),
        ("selection_rate", "multiclass", "this is a multiclass model"),
        ("auc", "regression", "auc is no metric of a regression model"),
    ],
)
def test_what_does_not_fit_the_task_fails(of: str, task: Any, reason: str) -> None:
    about = evaluation(None, ranked("A", 0.8), ranked("B", 0.8), task=task)
    found = decided(rule(of=of), about)
    assert found.outcome is FAIL
    assert reason in found.detail


def test_a_group_without_a_metric_has_no_reason_to_show() -> None:
    about = evaluation(None, ranked("A", 0.8), place("B", Estimate(0.8, 0.7, 0.9), metric="brier"))
    found = decided(rule(of="auc"), about)
    assert found.outcome is FAIL
    assert found.detail == "origin=B: auc could not be computed: no reason was given"


@pytest.mark.parametrize(
    "limit", [{"min_ratio": 1.1}, {"min_ratio": 0.0}, {"max_difference": -0.1}, {"min_rows": 0}]
)
def test_a_limit_that_cannot_be_is_refused(limit: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(limit))):
        rule(**limit)
    assert rule(min_ratio=1.0).min_ratio == 1 and rule(max_difference=0.0).max_difference == 0


def test_its_groups_are_those_of_its_field() -> None:
    about = evaluation(None, chosen("A", 300), place("B", None, field="carrier"), chosen("C", 300))
    inputs: Any = SimpleNamespace(evaluation=about)
    assert [part.title for part in rule().groups(inputs)] == ["origin=A", "origin=C"]


def test_more_nights_tell_where_it_could_not() -> None:
    found = decided(rule(), evaluation(None, chosen("A", 300), chosen("B", 390)))
    assert found.outcome is INCONCLUSIVE
    assert "Let the window holdout in params.yaml be longer" in str(rule().advice(found))


def test_limits() -> None:
    assert limit_and_direction(rule()) == (0.1, "max")
    assert limit_and_direction(rule(max_difference=0.0)) == (0.0, "max")
    assert limit_and_direction(rule(min_ratio=0.8)) == (0.8, "min")


def test_too_many_groups_are_refused_before_all_pairs_are_compared() -> None:
    places = [chosen(f"P{number}", 30, 100) for number in range(MOST_GROUPS + 1)]
    found = decided(rule(), evaluation(None, *places))
    assert found.outcome is FAIL and "201 groups, more than 200" in found.detail
    assert decided(rule(min_rows=101), evaluation(None, *places)).outcome is FAIL
