"""Stability, parity, cost, contract and leakage: what a report says outright."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from assay.gate.rules import leakage as rule_leakage
from assay.metrics.estimate import Estimate
from assay.project.params.behaviour import LEAKAGE_CHECKS
from assay.reports.comparison import Stability
from assay.reports.verdict import Finding, Outcome
from assay.training.leakage.report import Leakage
from tests.gate import build
from tests.gate.build import alone, comparison, contract, flips, leakage, parity, rehearsal

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
NAN, INF = math.nan, math.inf


def judged(rule: Any, **reports: Any) -> tuple[Finding, ...]:
    return rule.judge(SimpleNamespace(**reports), build.gate())  # type: ignore[no-any-return]


def moved(distance: float, flipped: Estimate | None, rows: int | None) -> Stability:
    """Also what no file could say."""
    return build.changed(  # type: ignore[no-any-return]
        flips(20, 1000), distance=distance, flipped=flipped, rows=rows
    )


def stable(found: Stability, rows: int = 1000, **asked: float) -> Finding:
    about = build.changed(comparison(rows=rows), stability=found)
    (told,) = judged(build.rule(kind="stability", **asked), comparison=about)
    return told


@pytest.mark.parametrize(
    ("distance", "expected"),
    [(0.05, PASS), (0.1, PASS), (0.101, FAIL), (NAN, FAIL), (INF, FAIL), (-0.01, FAIL)],
)
def test_distance_of_scores(distance: float, expected: Outcome) -> None:
    told = stable(flips(20, 1000, distance), max_distance=0.1)
    assert told.outcome is expected
    assert told.blocks is (expected is not PASS)
    assert (told.metric, told.rows) == ("distance", 1000)


def test_a_distance_has_no_interval() -> None:
    told = stable(flips(20, 1000), max_distance=0.1)
    assert (told.observed, told.limit, told.direction) == (0.05, 0.1, "max")
    assert (told.low, told.high, told.method) == (None, None, "the value alone")
    assert stable(flips(20, 1000, NAN), max_distance=0.1).observed is None


@pytest.mark.parametrize(
    ("rows", "expected"), [(20, PASS), (45, INCONCLUSIVE), (60, INCONCLUSIVE), (80, FAIL)]
)
def test_flipped_answers(rows: int, expected: Outcome) -> None:
    told = stable(flips(rows, 1000), max_flipped=0.05)
    wilson = build.share(rows, 1000)
    assert told.outcome is expected
    assert told.blocks is (expected is not PASS)
    assert (told.observed, told.low, told.high) == (rows / 1000, wilson.low, wilson.high)
    assert (told.metric, told.limit) == ("share of rows with another answer", 0.05)
    assert (told.direction, told.rows) == ("max", 1000)


def test_what_flipped_answers_vary_by_is_in_the_finding() -> None:
    share = Estimate(0.02, 0.01, 0.03, design_effect=2.5)
    told = stable(moved(0.05, share, 20), max_flipped=0.05)
    about = comparison()
    assert (told.unit, told.units, told.design_effect) == (about.unit, about.units, 2.5)


def test_few_units_do_not_pass_on_flipped_answers_and_can_fail() -> None:
    few = Estimate(0.02, 0.01, 0.03, needed=10, doubt="it has 5 nights, fewer than 10")
    assert stable(moved(0.05, few, 20), max_flipped=0.05).outcome is INCONCLUSIVE
    assert stable(moved(0.05, few, 20), max_flipped=0.005).outcome is FAIL


def test_a_limit_on_the_end_of_the_interval_is_met() -> None:
    wilson = build.share(20, 1000)
    assert wilson.low is not None and wilson.high is not None
    told = stable(flips(20, 1000), max_flipped=wilson.high)
    assert told.outcome is PASS
    told = stable(flips(20, 1000), max_flipped=wilson.low)
    assert told.outcome is INCONCLUSIVE
    told = stable(flips(0, 1000), max_flipped=0.0)
    assert told.outcome is INCONCLUSIVE  # none of 1,000 rows is not none at all


@pytest.mark.parametrize(
    ("value", "low", "high", "rows"),
    [
        (1.001, 1.0, 1.1, 1001),
        (0.1, 0.05, 0.15, None),
        (0.1, 0.05, 0.15, -1),
        (0.1, 0.05, 0.15, 90),
        (None, None, None, 100),
        (0.1, None, None, 100),
        (0.1, 0.05, None, 100),
        (0.1, None, 0.15, 100),
        (0.1, 0.2, 0.3, 100),
        (0.1, NAN, 0.3, 100),
    ],
)
def test_flips_that_cannot_be_counted_fail(
    value: float | None, low: float | None, high: float | None, rows: int | None
) -> None:
    assert stable(moved(0.1, Estimate(value, low, high), rows), max_flipped=1.0).outcome is FAIL


@pytest.mark.parametrize("rows", [None, 5])
def test_a_model_without_answers_flips_none(rows: int | None) -> None:
    assert stable(moved(0.1, None, rows), max_flipped=1.0).outcome is FAIL


def test_flips_of_too_few_units_cannot_be_judged_yet() -> None:
    few = Estimate(0.02, None, None, "3 nights, fewer than 10", few=True, needed=10)
    told = stable(moved(0.05, few, 20), max_flipped=0.05)
    assert (told.outcome, told.blocks, told.units_needed) == (INCONCLUSIVE, True, 10)


@pytest.mark.parametrize("asked", [{"max_flipped": 1.0}, {"max_distance": 1.0}])
def test_scores_of_no_rows_fail(asked: dict[str, float]) -> None:
    told = stable(moved(0.0, build.share(0, 0), 0), rows=0, **asked)
    assert (told.outcome, told.detail) == (FAIL, "scores were compared on no rows")
    assert stable(flips(1, 1, 0.0), rows=1, **asked).outcome is PASS


@pytest.mark.parametrize("asked", [{"max_flipped": 1.0}, {"max_distance": 1.0}])
def test_stability_without_a_champion(asked: dict[str, float]) -> None:
    rule = build.rule(kind="stability", **asked)
    (told,) = judged(rule, comparison=alone("none"))
    assert (told.outcome, told.blocks) == (INCONCLUSIVE, False)
    for state in ("unreadable", "features_missing", "incomparable"):
        (told,) = judged(rule, comparison=alone(state, "gone"))
        assert (told.outcome, told.blocks) == (FAIL, True)
    (told,) = judged(rule, comparison=build.changed(comparison(), stability=None))
    assert told.outcome is FAIL


def alike(*found: Any, tolerance: float = 1e-9) -> tuple[Finding, ...]:
    rule = build.rule(kind="parity", tolerance=tolerance)
    return judged(rule, rehearsal=rehearsal(parity=found))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, PASS),
        ({"largest": 1e-9}, PASS),
        ({"largest": 1.1e-9}, FAIL),
        ({"differing": 1}, FAIL),
        ({"rows": 0}, FAIL),
        ({"largest": None}, FAIL),
        ({"largest": NAN}, FAIL),
        ({"largest": INF}, FAIL),
    ],
)
def test_parity(changes: dict[str, Any], expected: Outcome) -> None:
    (told,) = alike(parity(**changes))
    assert told.outcome is expected
    assert told.blocks is (expected is not PASS)
    assert (told.slice, told.rows) == ("carrier=files", changes.get("rows", 1000))


def test_parity_is_asked_of_every_carrier() -> None:
    told = alike(parity(), parity(carrier="dataframe", differing=3))
    assert [(each.slice, each.outcome) for each in told] == [
        ("carrier=files", PASS),
        ("carrier=dataframe", FAIL),
    ]
    (told_none,) = alike()
    assert (told_none.outcome, told_none.detail) == (FAIL, "no carrier rehearsed the night")


def test_a_tolerance_of_one_row_does_not_forgive_a_row_that_differs() -> None:
    (told,) = alike(parity(differing=1, largest=1e-12), tolerance=1.0)
    assert told.outcome is FAIL


@pytest.mark.parametrize(
    ("of", "value"), [("latency_ms", 4.0), ("memory_mb", 120.0), ("bundle_mb", 2.5)]
)
def test_cost(of: str, value: float) -> None:
    (told,) = judged(build.rule(kind="cost", of=of, max=value), rehearsal=rehearsal())
    assert (told.outcome, told.metric, told.observed, told.limit) == (PASS, of, value, value)
    assert (told.direction, told.rows) == ("max", 1000)
    (told,) = judged(build.rule(kind="cost", of=of, max=value * 0.99), rehearsal=rehearsal())
    assert (told.outcome, told.blocks) == (FAIL, True)


def test_a_cost_that_was_not_measured_fails() -> None:
    rule = build.rule(kind="cost", of="memory_mb", max=500.0)
    (told,) = judged(rule, rehearsal=rehearsal(memory_mb=None, why="no /proc here"))
    assert (told.outcome, told.metric) == (FAIL, "memory_mb")
    assert told.detail == "memory_mb could not be measured: no /proc here"


@pytest.mark.parametrize("value", [NAN, INF, -INF, -1.0])
def test_a_cost_that_is_no_number_fails(value: float) -> None:
    rule = build.rule(kind="cost", of="latency_ms", max=500.0)
    (told,) = judged(rule, rehearsal=rehearsal(latency_ms=value))
    assert told.outcome is FAIL


@pytest.mark.parametrize("of", ["latency_ms", "memory_mb"])
def test_a_cost_measured_on_no_rows_fails(of: str) -> None:
    rule = build.rule(kind="cost", of=of, max=500.0)
    (told,) = judged(rule, rehearsal=rehearsal(batch_rows=0, latency_ms=0.0, memory_mb=0.0))
    assert (told.outcome, told.metric, told.observed) == (FAIL, of, None)


@pytest.mark.parametrize(
    ("changes", "limit", "expected"),
    [
        ({}, 0.0, PASS),
        ({"bad_rows": 1}, 0.0, FAIL),
        ({"bad_rows": 10}, 0.01, PASS),
        ({"bad_rows": 11}, 0.01, FAIL),
        ({"rows": 0}, 1.0, FAIL),
        ({"ok": False}, 1.0, FAIL),
        ({"ok": False, "broken": ("unique_key", "wind")}, 1.0, FAIL),
        ({"bad_rows": 1001}, 1.0, FAIL),
    ],
)
def test_contract(changes: dict[str, Any], limit: float, expected: Outcome) -> None:
    rule = build.rule(kind="contract", max_bad_share=limit)
    (told,) = judged(rule, contract=contract(**changes))
    assert told.outcome is expected
    assert told.blocks is (expected is not PASS)
    assert ", ".join(changes.get("broken", ())) in told.detail


def test_the_contract_finding_has_its_numbers() -> None:
    rule = build.rule(kind="contract", max_bad_share=0.1)
    (told,) = judged(rule, contract=contract(rows=1, bad_rows=0))
    assert (told.metric, told.observed, told.limit, told.rows) == ("bad share", 0.0, 0.1, 1)


def leaks(*allow: str, **outcomes: str) -> dict[str, Finding]:
    rule = build.rule(kind="leakage", allow=allow)
    return {str(each.slice): each for each in told_by(rule, leakage(**outcomes))}


def told_by(rule: Any, report: Leakage) -> tuple[Finding, ...]:
    """What the checks of the tables say, without those of the model."""
    found = rule_leakage.evaluate(rule, report, build.evaluation(), alone("none"))
    assert found[-1].slice == "error_jump"
    return found[:-1]


def test_every_check_of_the_split_is_a_finding() -> None:
    told = leaks()
    assert tuple(told) == LEAKAGE_CHECKS
    assert {each.outcome for each in told.values()} == {PASS}
    one = told["same_key"]
    assert (one.metric, one.observed) == ("same_key", 0.0)
    assert one.detail == ("The model was not trained on any row it is tested on: same_key says so")
    assert (one.limit, one.direction) == (0.01, "max")


def test_what_is_suspect_fails_and_what_is_unknown_cannot_be_told() -> None:
    told = leaks(same_key="suspect", label_power="unknown")
    assert (told["same_key"].outcome, told["same_key"].blocks) == (FAIL, True)
    assert (told["label_power"].outcome, told["label_power"].blocks) == (INCONCLUSIVE, True)
    assert told["label_power"].observed is None
    assert sum(each.blocks for each in told.values()) == 2


def test_what_is_allowed_by_name_is_shown_and_does_not_decide() -> None:
    told = leaks("same_key", "identifier", same_key="suspect", label_power="suspect")
    assert (told["same_key"].outcome, told["same_key"].blocks) == (FAIL, False)
    assert told["same_key"].detail.endswith(": same_key says so (allowed by name)")
    assert told["label_power"].blocks
    assert told["identifier"].severity == "block"
    assert told["identifier"].detail.endswith(": identifier says so")


def test_a_check_without_a_limit_has_no_direction() -> None:
    report = leakage()
    bare = build.changed(
        report, checks=(build.changed(report.checks[0], limit=None), *report.checks[1:])
    )
    told = told_by(build.rule(kind="leakage"), bare)
    assert (told[0].limit, told[0].direction) == (None, None)


def test_a_check_that_is_missing_fails() -> None:
    report = leakage()
    rule = build.rule(kind="leakage", allow=("same_key",))
    told = told_by(rule, build.changed(report, checks=report.checks[1:]))
    assert len(told) == len(LEAKAGE_CHECKS)
    assert (told[0].outcome, told[0].blocks, told[0].slice) == (FAIL, True, "same_key")
    assert told[0].detail == "the report has no check 'same_key'"
