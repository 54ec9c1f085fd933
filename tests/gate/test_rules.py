from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gate.evaluation import Evaluation, Measured, Slice
from pipeline.gate.rules import decide
from pipeline.params import Rule
from pipeline.verdict import Outcome, combine

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
NAN, INF = math.nan, math.inf


def rule(**changes: object) -> Rule:
    values: dict[str, object] = {
        "name": "ranks",
        "metric": "auc",
        "owner": "data science",
        "because": "it must",
        **changes,
    }
    if "max" not in changes:
        values.setdefault("min", 0.7)
    return Rule.model_validate(values)


def evaluation(
    auc: Measured | None = None, slices: tuple[Slice, ...] = (), rows: int = 1000
) -> Evaluation:
    return Evaluation(
        task="binary",
        name="n",
        candidate="c",
        bundle="sha256:b",
        data="sha256:d",
        contract="sha256:c",
        rows=rows,
        positives=rows // 3,
        selected=rows // 4,
        threshold=0.5,
        confidence=0.95,
        replicates=500,
        metrics={} if auc is None else {"auc": auc},
        slices=slices,
    )


def part(value: str, auc: Measured | None, rows: int = 500) -> Slice:
    if auc is None:
        return Slice("origin", value, rows, 10, 8, None, f"{rows} rows, fewer than 200")
    return Slice("origin", value, rows, 100, 80, {"auc": auc})


@pytest.mark.parametrize(
    ("measured", "limit", "decided_by", "expected"),
    [
        ((0.75, 0.74, 0.76), {"min": 0.7}, "interval", PASS),
        ((0.65, 0.64, 0.66), {"min": 0.7}, "interval", FAIL),
        ((0.75, 0.69, 0.80), {"min": 0.7}, "interval", INCONCLUSIVE),
        ((0.65, 0.60, 0.71), {"min": 0.7}, "interval", INCONCLUSIVE),
        ((0.75, 0.74, 0.76), {"max": 0.7}, "interval", FAIL),
        ((0.65, 0.64, 0.66), {"max": 0.7}, "interval", PASS),
        ((0.65, 0.60, 0.71), {"max": 0.7}, "interval", INCONCLUSIVE),
        # limits are inclusive
        ((0.75, 0.70, 0.80), {"min": 0.7}, "interval", PASS),
        ((0.65, 0.60, 0.70), {"min": 0.7}, "interval", INCONCLUSIVE),
        ((0.65, 0.60, 0.70), {"max": 0.7}, "interval", PASS),
        ((0.70, 0.70, 0.70), {"min": 0.7}, "interval", PASS),
        ((0.70, 0.70, 0.70), {"max": 0.7}, "interval", PASS),
        # a constant model: an interval of no width decides like any other
        ((0.50, 0.50, 0.50), {"min": 0.7}, "interval", FAIL),
        # the value alone
        ((0.70, 0.60, 0.80), {"min": 0.7}, "value", PASS),
        ((0.75, 0.60, 0.80), {"min": 0.7}, "value", PASS),
        ((0.69, 0.60, 0.80), {"min": 0.7}, "value", FAIL),
        ((0.75, None, None), {"min": 0.7}, "value", PASS),
        ((0.75, None, None), {"max": 0.7}, "value", FAIL),
    ],
)
def test_limits(
    measured: tuple[float, float | None, float | None],
    limit: dict[str, float],
    decided_by: str,
    expected: Outcome,
) -> None:
    (finding,) = decide(rule(decide=decided_by, **limit), evaluation(Measured(*measured)))
    assert finding.outcome is expected
    assert finding.observed == measured[0]


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (None, "has no auc"),
        (Measured(None, None, None, "only one class"), "only one class"),
        (Measured(None, 0.8, 0.9), "could not be computed"),
        (Measured(NAN, 0.8, 0.9), "nan"),
        (Measured(INF, 0.8, 0.9), "inf"),
        (Measured(-INF, 0.8, 0.9), "inf"),
        (Measured(0.9, NAN, 0.9), "nan"),
        (Measured(0.9, 0.8, NAN), "nan"),
        (Measured(0.9, 0.8, INF), "inf"),
        (Measured(0.9, None, 0.9), "no interval"),
        (Measured(0.9, 0.8, None), "no interval"),
        (Measured(0.9, 0.95, 0.85), "upside down"),
    ],
)
def test_what_cannot_be_decided_fails(measured: Measured | None, reason: str) -> None:
    (finding,) = decide(rule(), evaluation(measured))
    assert finding.outcome is FAIL
    assert reason in finding.detail


@pytest.mark.parametrize(
    "measured",
    [Measured(NAN, None, None), Measured(None, None, None), Measured(0.9, 0.95, 0.85), None],
)
def test_what_cannot_be_decided_fails_by_value_too(measured: Measured | None) -> None:
    (finding,) = decide(rule(decide="value"), evaluation(measured))
    assert finding.outcome is FAIL


def test_no_rows_fail() -> None:
    (finding,) = decide(rule(), evaluation(Measured(0.9, 0.8, 0.95), rows=0))
    assert finding.outcome is FAIL


def test_a_slice_rule_gives_a_finding_per_value() -> None:
    slices = (
        part("EWR", Measured(0.8, 0.75, 0.85)),
        part("JFK", Measured(0.6, 0.55, 0.65)),
        part("LGA", None, rows=114),
        Slice("carrier", "UA", 500, 100, 80, {"auc": Measured(0.1, 0.1, 0.1)}),
    )
    found = decide(rule(slice="origin"), evaluation(slices=slices))
    assert [(item.slice, item.outcome) for item in found] == [
        ("origin=EWR", PASS),
        ("origin=JFK", FAIL),
        ("origin=LGA", INCONCLUSIVE),
    ]
    assert "114 rows, fewer than 200" in found[2].detail
    assert found[2].rows == 114


def test_a_slice_without_the_metric_fails() -> None:
    slices = (Slice("origin", "EWR", 500, 100, 80, {}),)
    (finding,) = decide(rule(slice="origin"), evaluation(slices=slices))
    assert finding.outcome is FAIL


def test_an_unknown_slice_fails_and_names_the_nearest() -> None:
    found = decide(rule(slice="orign"), evaluation(slices=(part("EWR", None),)))
    assert [item.outcome for item in found] == [FAIL]
    assert "did you mean 'origin'?" in found[0].detail


def test_no_slices_at_all_fail() -> None:
    (finding,) = decide(rule(slice="origin"), evaluation(Measured(0.9, 0.9, 0.9)))
    assert finding.outcome is FAIL
    assert "no slices" in finding.detail


def test_detail_is_a_sentence_with_the_numbers() -> None:
    (finding,) = decide(rule(min=0.72), evaluation(Measured(0.753, 0.747, 0.759)))
    assert finding.detail == (
        "auc 0.753, 95% interval 0.747 to 0.759, meets the limit of at least 0.72"
    )


def test_detail_has_the_digits_that_tell_value_from_limit() -> None:
    (finding,) = decide(rule(decide="value"), evaluation(Measured(0.6999999, None, None)))
    assert finding.detail == "auc 0.6999999 misses the limit of at least 0.7"


numbers = st.floats(min_value=0, max_value=1) | st.sampled_from([NAN, INF, -INF]) | st.none()
measurements = st.builds(Measured, numbers, numbers, numbers, st.none())
limits = st.one_of(
    st.builds(lambda x: {"min": x}, st.floats(0, 1)),
    st.builds(lambda x: {"max": x}, st.floats(0, 1)),
)


@given(measurements, limits)
def test_pass_means_that_both_ends_meet_the_limit(
    measured: Measured, limit: dict[str, float]
) -> None:
    (finding,) = decide(rule(**limit), evaluation(measured))
    if finding.outcome is PASS:
        assert measured.low is not None and measured.high is not None
        for point in (measured.low, measured.high):
            assert point >= limit["min"] if "min" in limit else point <= limit["max"]


@given(st.lists(st.tuples(measurements, limits), min_size=1, max_size=6), st.randoms())
def test_order_of_rules_does_not_matter(
    pairs: list[tuple[Measured, dict[str, float]]], chance: object
) -> None:
    def outcome(some: list[tuple[Measured, dict[str, float]]]) -> Outcome:
        return combine(
            finding
            for measured, limit in some
            for finding in decide(rule(**limit), evaluation(measured))
        )

    mixed = list(pairs)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert outcome(mixed) is outcome(pairs)


@pytest.mark.parametrize("slice_field", [None, "origin"])
def test_a_metric_of_another_task_fails_and_names_those_that_fit(slice_field) -> None:
    about = replace(
        evaluation(Measured(0.9, 0.8, 0.95), (part("EWR", Measured(0.9, 0.8, 0.95)),)),
        task="regression",
    )
    (found,) = decide(rule(slice=slice_field), about)
    assert found.outcome is FAIL
    assert found.detail == (
        "auc is no metric of a regression model; those are rmse, mae, p90_error, bias, r2"
    )


def test_a_bias_may_be_bounded_on_either_side() -> None:
    about = replace(evaluation(), task="regression", metrics={"bias": Measured(-2.0, -3.0, -1.0)})
    (low,) = decide(rule(metric="bias", min=-3.5), about)
    (high,) = decide(rule(metric="bias", max=-1.5), about)
    assert (low.outcome, high.outcome) == (PASS, INCONCLUSIVE)
