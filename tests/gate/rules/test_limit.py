"""A metric against a number: three answers, never PASS for what cannot be decided."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gate.rules.limit import evaluate, limit_and_direction
from assay.metrics.estimate import Estimate
from assay.metrics.intervals.estimates import estimates
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.project.params.behaviour import GateParams
from assay.reports.evaluation import Evaluation
from assay.reports.verdict import Finding, Outcome, combine_outcomes
from tests.gate import build
from tests.gate.build import Z, evaluation, place

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
NAN, INF = math.nan, math.inf


def rule(**changes: Any) -> Any:
    values = {"metric": "auc", **changes}
    if "max" not in changes:
        values.setdefault("min", 0.7)
    return build.rule(**values)


def decided(some: Any, about: Evaluation, policy: GateParams | None = None) -> tuple[Finding, ...]:
    return evaluate(some, about, policy or build.gate())


def normal(value: float, error: float) -> Estimate:
    """With the interval that a normal distribution gives."""
    return Estimate(value, value - Z * error, value + Z * error)


@pytest.mark.parametrize(
    ("measured", "limit", "decided_by", "expected"),
    [
        ((0.75, 0.74, 0.76), {"min": 0.7}, "interval", PASS),
        ((0.65, 0.64, 0.66), {"min": 0.7}, "interval", FAIL),
        ((0.75, 0.69, 0.80), {"min": 0.7}, "interval", INCONCLUSIVE),
        ((0.65, 0.60, 0.71), {"min": 0.7}, "interval", INCONCLUSIVE),
        ((0.65, 0.60, 0.6999), {"min": 0.7}, "interval", FAIL),
        ((0.75, 0.74, 0.76), {"max": 0.7}, "interval", FAIL),
        ((0.65, 0.64, 0.66), {"max": 0.7}, "interval", PASS),
        ((0.65, 0.60, 0.71), {"max": 0.7}, "interval", INCONCLUSIVE),
        # limits are inclusive
        ((0.75, 0.70, 0.80), {"min": 0.7}, "interval", PASS),
        ((0.65, 0.60, 0.70), {"min": 0.7}, "interval", INCONCLUSIVE),
        ((0.75, 0.70, 0.80), {"max": 0.7}, "interval", INCONCLUSIVE),
        ((0.65, 0.60, 0.70), {"max": 0.7}, "interval", PASS),
        ((0.70, 0.70, 0.70), {"min": 0.7}, "interval", PASS),
        ((0.70, 0.70, 0.70), {"max": 0.7}, "interval", PASS),
        # a constant model: an interval of no width decides like any other
        ((0.50, 0.50, 0.50), {"min": 0.7}, "interval", FAIL),
        ((0.69, 0.60, 0.69), {"min": 0.7}, "interval", FAIL),
        # the value alone
        ((0.70, 0.60, 0.80), {"min": 0.7}, "value", PASS),
        ((0.75, 0.60, 0.80), {"min": 0.7}, "value", PASS),
        ((0.69, 0.60, 0.80), {"min": 0.7}, "value", FAIL),
        ((0.75, None, None), {"min": 0.7}, "value", PASS),
        ((0.75, None, 0.80), {"min": 0.7}, "value", PASS),
        ((0.75, 0.60, None), {"max": 0.7}, "value", FAIL),
        ((0.75, None, None), {"max": 0.7}, "value", FAIL),
        # limits below and around 0
        ((-0.2, -0.3, -0.1), {"min": -0.3}, "interval", PASS),
        ((-0.2, -0.3, -0.1), {"max": 0.0}, "interval", PASS),
        ((-0.2, -0.3, -0.1), {"min": 0.0}, "interval", FAIL),
    ],
)
def test_limits(
    measured: tuple[float, float | None, float | None],
    limit: dict[str, float],
    decided_by: str,
    expected: Outcome,
) -> None:
    (found,) = decided(rule(decide=decided_by, **limit), evaluation(Estimate(*measured)))
    assert found.outcome is expected
    assert (found.observed, found.low, found.high) == measured
    (direction,) = limit
    assert (found.limit, found.direction) == (limit[direction], direction)
    assert found.method == ("the value alone" if decided_by == "value" else None)
    assert (found.metric, found.slice, found.rows) == ("auc", None, 1000)


def test_an_interval_that_ends_on_the_limit_does_not_miss_it() -> None:
    (found,) = decided(rule(), evaluation(Estimate(0.65, 0.60, 0.70)))
    assert "would tell" in found.detail


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (None, "the evaluation has no auc"),
        (Estimate(None, None, None, "only one class"), "could not be computed: only one class"),
        (Estimate(None, 0.8, 0.9), "could not be computed: no reason was given"),
        (Estimate(NAN, 0.8, 0.9), "auc is nan, not a number to decide on"),
        (Estimate(INF, 0.8, 0.9), "auc is inf, not a number to decide on"),
        (Estimate(-INF, 0.8, 0.9), "auc is -inf, not a number to decide on"),
        (Estimate(0.9, NAN, 0.9), "the interval of auc is nan to 0.9"),
        (Estimate(0.9, 0.8, NAN), "the interval of auc is 0.8 to nan"),
        (Estimate(0.9, 0.8, INF), "the interval of auc is 0.8 to inf"),
        (Estimate(0.9, None, 0.9), "has no interval to decide on: no reason was given"),
        (Estimate(0.9, 0.8, None, "30 rows"), "has no interval to decide on: 30 rows"),
        (Estimate(0.9, 0.95, 0.85), "auc, 0.95 to 0.85, does not hold 0.9"),
        (Estimate(0.9, 0.91, 0.95), "does not hold 0.9"),
        (Estimate(0.9, 0.8, 0.89), "does not hold 0.9"),
    ],
)
def test_what_cannot_be_decided_fails(measured: Estimate | None, reason: str) -> None:
    (found,) = decided(rule(), evaluation(measured))
    assert found.outcome is FAIL
    assert reason in found.detail
    assert (found.metric, found.rows) == ("auc", 1000)
    if measured is not None:
        assert (found.limit, found.direction) == (0.7, "min")


def test_what_is_no_number_is_not_shown_as_one() -> None:
    (found,) = decided(rule(), evaluation(Estimate(NAN, -INF, 0.9)))
    assert (found.observed, found.low, found.high) == (None, None, 0.9)


@pytest.mark.parametrize(
    "measured",
    [
        Estimate(NAN, None, None),
        Estimate(None, None, None),
        Estimate(0.9, 0.95, 0.85),
        Estimate(0.9, None, NAN),
        None,
    ],
)
def test_what_cannot_be_decided_fails_by_value_too(measured: Estimate | None) -> None:
    (found,) = decided(rule(decide="value"), evaluation(measured))
    assert found.outcome is FAIL


def test_no_rows_fail() -> None:
    (found,) = decided(rule(), evaluation(Estimate(0.9, 0.8, 0.95), rows=0))
    assert found.outcome is FAIL
    (found,) = decided(rule(), evaluation(Estimate(0.9, 0.8, 0.95), rows=1))
    assert found.outcome is PASS


def test_a_slice_rule_gives_a_finding_per_value() -> None:
    about = evaluation(
        None,
        place("EWR", Estimate(0.8, 0.75, 0.85)),
        place("JFK", normal(0.6, 0.02)),
        place("LGA", None, rows=114),
        place("UA", Estimate(0.1, 0.1, 0.1), field="carrier"),
    )
    found = decided(rule(slice="origin"), about)
    assert [(each.slice, each.outcome) for each in found] == [
        ("origin=EWR", PASS),
        ("origin=JFK", FAIL),
        ("origin=LGA", INCONCLUSIVE),
    ]
    assert found[2].rows == 114
    assert all(each.blocks is (each.outcome is not PASS) for each in found)


def test_the_rule_says_how_large_a_slice_has_to_be() -> None:
    about = evaluation(
        None,
        place("EWR", Estimate(0.8, 0.75, 0.85), rows=400),
        place("JFK", Estimate(0.1, 0.1, 0.1), rows=399),
        place("LGA", None, rows=400),
    )
    found = decided(rule(slice="origin", min_rows=400), about)
    assert [(each.slice, each.outcome, each.blocks) for each in found] == [
        ("origin=EWR", PASS, False),
        ("origin=LGA", INCONCLUSIVE, True),
        ("origin=JFK", INCONCLUSIVE, False),
    ]
    assert [each.rows for each in found] == [400, 400, 399]


def test_a_rule_that_is_about_no_slice_fails() -> None:
    about = evaluation(None, place("EWR", Estimate(0.8, 0.75, 0.85), rows=400), place("LGA", None))
    (found,) = decided(rule(slice="origin", min_rows=5010), about)
    assert (found.outcome, found.blocks) == (FAIL, True)
    assert found.fix == (
        "Lower min_rows in gate.rules, or let the window holdout in params.yaml be longer."
    )


def test_an_empty_slice_fails() -> None:
    about = evaluation(None, place("EWR", Estimate(0.8, 0.75, 0.85), rows=0))
    (found,) = decided(rule(slice="origin"), about)
    assert (found.outcome, found.blocks) == (FAIL, True)


def test_a_slice_without_the_metric_fails() -> None:
    about = evaluation(None, build.changed(place("EWR", build.share(80, 500)), metrics={}))
    (found,) = decided(rule(slice="origin"), about)
    assert (found.outcome, found.slice) == (FAIL, "origin=EWR")


def test_an_unknown_slice_fails_and_names_the_nearest() -> None:
    found = decided(rule(slice="orign"), evaluation(None, place("EWR", None)))
    assert [each.outcome for each in found] == [FAIL]


def test_no_slices_at_all_fail() -> None:
    (found,) = decided(rule(slice="origin"), evaluation(Estimate(0.9, 0.9, 0.9)))
    assert found.outcome is FAIL


def test_detail_is_a_sentence_with_the_numbers() -> None:
    (found,) = decided(rule(min=0.72), evaluation(Estimate(0.753, 0.747, 0.759)))
    assert found.detail == (
        "auc 0.753, 95% interval 0.747 to 0.759, meets the limit of at least 0.72"
    )
    (found,) = decided(rule(max=0.72), evaluation(Estimate(0.753, 0.747, 0.759)))
    assert found.detail == (
        "auc 0.753, 95% interval 0.747 to 0.759, misses the limit of at most 0.72"
    )


def test_detail_has_the_digits_that_tell_value_from_limit() -> None:
    (found,) = decided(rule(decide="value"), evaluation(Estimate(0.6999999, None, None)))
    assert found.detail == "auc 0.6999999 misses the limit of at least 0.7"


def test_inconclusive_names_the_rows_that_would_tell() -> None:
    # (1.96 + 0.8416)^2 * 0.02^2 / 0.02^2 = 7.849 times the rows
    (found,) = decided(rule(), evaluation(normal(0.72, 0.02)))
    assert found.outcome is INCONCLUSIVE
    assert found.units_needed == 7849
    assert found.detail == (
        "auc 0.72, 95% interval 0.6808 to 0.7592, cannot be told from the limit of at least 0.7"
        " on 1,000 rows; about 7,800 rows would tell"
    )
    (found,) = decided(rule(), evaluation(normal(0.72, 0.02)), build.gate(power=0.9))
    assert found.units_needed == 10508


def test_on_the_limit_no_number_of_rows_would_tell() -> None:
    (found,) = decided(rule(), evaluation(normal(0.7, 0.02)))
    assert (found.outcome, found.units_needed) == (INCONCLUSIVE, None)


def test_a_slice_that_misses_by_chance_alone_is_inconclusive_after_the_correction() -> None:
    """One-sided p of 2.3 standard errors is 0.0107: under 0.025, over it when doubled."""
    missing, fine = normal(0.7 - 2.2 * 0.01, 0.01), normal(0.8, 0.01)
    about = evaluation(None, place("EWR", missing), place("JFK", fine))
    policies = {
        "none": FAIL,
        "holm": INCONCLUSIVE,
        "benjamini-hochberg": INCONCLUSIVE,
    }
    for correction, expected in policies.items():
        found = decided(rule(slice="origin"), about, build.gate(correction=correction))
        assert [each.outcome for each in found] == [expected, PASS]
    assert found[0].blocks
    # Two that miss: the larger p is not multiplied by Benjamini and Hochberg, nor by Holm.
    about = evaluation(None, place("EWR", missing), place("JFK", normal(0.5, 0.01)))
    for correction in policies:
        found = decided(rule(slice="origin"), about, build.gate(correction=correction))
        assert [each.outcome for each in found] == [FAIL, FAIL]


def test_the_correction_counts_only_what_was_measured() -> None:
    missing = normal(0.7 - 2.2 * 0.01, 0.01)
    about = evaluation(None, place("EWR", missing), place("JFK", None), place("LGA", measured_nan))
    found = decided(rule(slice="origin"), about)
    assert [each.outcome for each in found] == [FAIL, INCONCLUSIVE, FAIL]


measured_nan = Estimate(NAN, 0.7, 0.9)


def test_the_half_that_faces_the_limit_decides() -> None:
    """A lopsided interval: 0.01 up and 0.2 down, so that the truth can hardly be 0.72."""
    (found,) = decided(rule(min=0.72), evaluation(Estimate(0.7, 0.5, 0.71)))
    assert found.outcome is FAIL
    (found,) = decided(rule(min=0.72), evaluation(Estimate(0.7, 0.69, 0.9)))
    assert found.outcome is INCONCLUSIVE


def test_the_rule_travels_with_its_finding() -> None:
    some = rule(severity="warn", inconclusive="pass")
    (found,) = decided(some, evaluation(normal(0.7, 0.02)))
    assert (found.rule, found.kind) == ("ranks", "rule")
    assert (found.owner, found.because) == ("us", "it must")
    assert (found.severity, found.tolerated) == ("warn", True)
    (found,) = decided(rule(), evaluation(normal(0.7, 0.02)))
    assert (found.severity, found.tolerated) == ("block", False)


def test_a_rule_without_a_limit_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="rule 'ranks' has no limit"):
        limit_and_direction(rule().model_copy(update={"min": None}))


@pytest.mark.parametrize("slice_field", [None, "origin"])
@pytest.mark.parametrize("decided_by", ["interval", "value"])
@pytest.mark.parametrize("value", [0.9, None])
def test_too_few_of_a_label_is_no_failure(
    slice_field: str | None, decided_by: str, value: float | None
) -> None:
    """A value that is there decides, where the rule asks for no interval."""
    few = Estimate(value, None, None, "3 positives, fewer than 10", few=True, needed=3334)
    about = evaluation(few, place("EWR", few), place("JFK", Estimate(0.8, 0.75, 0.85)))
    found, *rest = decided(rule(slice=slice_field, decide=decided_by), about)
    assert [each.outcome for each in rest] == ([PASS] if slice_field else [])
    if decided_by == "value" and value is not None:
        assert found.outcome is PASS
        return
    assert (found.outcome, found.blocks) == (INCONCLUSIVE, True)
    assert (found.metric, found.units_needed) == ("auc", 3334)
    assert (found.units is not None) and found.unit == "row"
    assert (found.observed, found.low, found.high) == (None, None, None)


def test_too_few_rows_of_none_at_all_fail() -> None:
    (found,) = decided(rule(), evaluation(Estimate(None, None, None, "0", few=True), rows=0))
    assert found.outcome is FAIL


@pytest.mark.parametrize(
    ("value", "decided_by", "expected"),
    [
        (0.8, "interval", INCONCLUSIVE),
        (0.71, "interval", INCONCLUSIVE),
        (0.6, "interval", FAIL),
        (0.8, "value", PASS),
        (0.6, "value", FAIL),
    ],
)
def test_a_doubt_keeps_from_passing_by_interval_and_from_nothing_else(
    value: float, decided_by: str, expected: Outcome
) -> None:
    some = rule(decide=decided_by)
    (found,) = decided(some, evaluation(replace(normal(value, 0.01), doubt="rows are missing")))
    assert found.outcome is expected
    seems = "seems to meet the limit of at least 0.7, but rows are missing"
    assert found.detail.endswith(seems) is (value == 0.8 and decided_by == "interval")


def test_a_useless_model_on_few_nights_fails_and_a_good_one_is_asked_for_more() -> None:
    """Six nights of 300 rows, through the functions of `assay stage evaluate`."""
    random = np.random.default_rng(3)
    units = SamplingUnits("night", 6, np.repeat(np.arange(6), 300).astype(np.intp))
    truth = random.random(1800) < 0.3
    ends = []
    for scores in (random.random(1800), np.clip(truth * 0.6 + 0.4 * random.random(1800), 0, 1)):
        measured = estimates(LabelledScores("binary", truth, scores), units, 0.95)["auc"]
        (found,) = decided(rule(), evaluation(measured, unit="night", units=6))
        ends.append((found.outcome, found.units_needed))
    assert ends == [(FAIL, None), (INCONCLUSIVE, 10)]


def test_what_varies_is_named_and_counted() -> None:
    one = replace(normal(0.72, 0.02), design_effect=4.0, worth=11.2)
    (found,) = decided(rule(), evaluation(one, unit="night", units=30))
    assert (found.unit, found.units, found.rows) == ("night", 30, 1000)
    assert (found.design_effect, found.units_needed) == (4.0, 236)
    assert found.detail.endswith(
        "on 1,000 rows of 30 nights; about 240 nights would tell "
        "(clustered by night: design effect 4, interval 2.0 times wider; "
        "nights follow each other: these 30 are worth 11)"
    )
    independent = replace(one, worth=29.0)
    (found,) = decided(rule(), evaluation(independent, unit="night", units=30))
    assert found.detail.endswith("interval 2.0 times wider)")


def test_few_degrees_of_freedom_make_a_miss_less_sure_than_many() -> None:
    """The interval misses either way, by 1.165 of its half; two slices are corrected for."""
    near = Estimate(0.6534, 0.6134, 0.6934)
    about = [place("EWR", near), place("JFK", Estimate(0.8, 0.75, 0.85))]
    assert decided(rule(slice="origin"), evaluation(None, *about))[0].outcome is FAIL
    about[0] = place("EWR", replace(near, degrees=9.0))
    assert decided(rule(slice="origin"), evaluation(None, *about))[0].outcome is INCONCLUSIVE


numbers = st.floats(min_value=0, max_value=1) | st.sampled_from([NAN, INF, -INF]) | st.none()
shares = st.integers(0, 10**6).map(lambda parts: parts / 10**6)
"""From 0 to 1, either alike or further apart than a chance is rounded."""
measurements = st.builds(Estimate, numbers, numbers, numbers, st.none())
limits = st.one_of(
    st.builds(lambda x: {"min": x}, shares),
    st.builds(lambda x: {"max": x}, shares),
)
ordered = st.lists(shares, min_size=3, max_size=3).map(
    lambda some: Estimate(sorted(some)[1], min(some), max(some))
)


@given(measurements | ordered, limits)
def test_pass_means_that_both_ends_meet_the_limit(
    measured: Estimate, limit: dict[str, float]
) -> None:
    (found,) = decided(rule(**limit), evaluation(measured))
    if found.outcome is PASS:
        assert measured.low is not None and measured.high is not None
        for point in (measured.low, measured.high):
            assert point >= limit["min"] if "min" in limit else point <= limit["max"]


@given(ordered, limits)
def test_the_interval_alone_decides_one_place(measured: Estimate, limit: dict[str, float]) -> None:
    (found,) = decided(rule(**limit), evaluation(measured))
    low, high = measured.low, measured.high
    assert low is not None and high is not None
    if "min" in limit:
        met, missed = low >= limit["min"], high < limit["min"]
    else:
        met, missed = high <= limit["max"], low > limit["max"]
    assert found.outcome is (PASS if met else FAIL if missed else INCONCLUSIVE)


@given(ordered, st.floats(0, 1))
def test_at_most_is_at_least_turned_round(measured: Estimate, limit: float) -> None:
    assert measured.value is not None and measured.low is not None and measured.high is not None
    mirrored = Estimate(-measured.value, -measured.high, -measured.low)
    (one,) = decided(rule(min=limit), evaluation(measured))
    (other,) = decided(rule(max=-limit), evaluation(mirrored))
    assert one.outcome is other.outcome


@given(st.lists(st.tuples(measurements, limits), min_size=1, max_size=6), st.randoms())
def test_order_of_rules_does_not_matter(
    pairs: list[tuple[Estimate, dict[str, float]]], chance: Any
) -> None:
    def outcome(some: list[tuple[Estimate, dict[str, float]]]) -> Outcome:
        return combine_outcomes(
            found
            for measured, limit in some
            for found in decided(rule(**limit), evaluation(measured))
        )

    mixed = list(pairs)
    chance.shuffle(mixed)
    assert outcome(mixed) is outcome(pairs)


@pytest.mark.parametrize("slice_field", [None, "origin"])
def test_a_metric_of_another_task_fails_and_names_those_that_fit(slice_field: str | None) -> None:
    good = Estimate(0.9, 0.8, 0.95)
    about = build.changed(evaluation(good, place("EWR", good)), task="regression")
    (found,) = decided(rule(slice=slice_field), about)
    assert found.outcome is FAIL


def test_a_bias_may_be_bounded_on_either_side() -> None:
    about = evaluation(Estimate(-2.0, -3.0, -1.0), metric="bias", task="regression")
    (low,) = decided(rule(metric="bias", min=-3.5), about)
    (high,) = decided(rule(metric="bias", max=-1.5), about)
    assert (low.outcome, high.outcome) == (PASS, INCONCLUSIVE)
