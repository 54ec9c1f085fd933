"""Numbers and names in sentences."""

from __future__ import annotations

import math
import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gate.pytest_run.decided import WHAT_TO_DO
from assay.gate.rules import finding, kinds
from assay.gate.rules.leakage import LEAKAGE_WORDS
from assay.project import layout
from assay.project.params import LeakageParams
from assay.project.params.behaviour import LEAKAGE_CHECKS, Behaviour
from assay.reports.verdict import Finding, Outcome


@pytest.mark.parametrize(
    ("point", "limit", "text"),
    [
        (0.7, 0.7, "0.7"),
        (0.123456789, 0.123456789, "0.123456789"),
        (0.75312, 0.7, "0.7531"),
        (0.69999, 0.7, "0.69999"),
        (0.6999999, 0.7, "0.6999999"),
        (123456.0, 123457.0, "123456"),
        (12345.0, 1.0, "1.234e+04"),
        (0.1 + 0.2, 0.3, "0.30000000000000004"),
        (0.1, math.nextafter(0.1, 1), "0.1"),
    ],
)
def test_as_many_digits_as_it_takes(point: float, limit: float, text: str) -> None:
    assert finding.format_number(point, limit) == text


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_what_is_written_lies_on_its_side_of_the_limit(point: float, limit: float) -> None:
    written, end = finding.format_number(point, limit), finding.format_number(limit, point)
    assert math.isclose(float(written), point, rel_tol=1e-3, abs_tol=1e-300)
    if point != limit:
        assert written != end
        assert (float(written) < float(end)) is (point < limit)


def test_names_that_are_nothing() -> None:
    assert finding.unknown_name_message(
        "slice", "orign", ["origin", "origin", "carrier"], "the file"
    ) == ("the file has no slice 'orign', only carrier, origin; did you mean 'origin'?")
    assert finding.unknown_name_message("slice", "zzz", ["origin"], "the file") == (
        "the file has no slice 'zzz', only origin"
    )
    assert finding.unknown_name_message("slice", "zzz", [], "the file") == (
        "the file has no slices, so none of 'zzz'"
    )


FAIL, INCONCLUSIVE, PASS = Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS
BASE = {"name": "r", "owner": "o", "because": "b"}
RULES: dict[str, dict[str, Any]] = {
    "limit": {"metric": "auc", "min": 0.7},
    "change": {"metric": "auc", "margin": 0.01},
    "gain": {"kind": "change", "metric": "auc", "gain": 0.01},
    "fairness": {"of": "false_negative_rate", "across": "town", "max_difference": 0.1},
    "stability": {"max_flipped": 0.1},
    "reasons": {"max": 0.1},
    "parity": {},
    "cost": {"of": "latency_ms", "max": 5},
    "flips": {"max": 0.1},
    "contract": {"max_bad_share": 0.1},
}


def rule(kind: str, **more: Any) -> Any:
    return kinds.make_rule(**{"kind": kind, **BASE, **RULES.get(kind, {}), **more})


def advised(of: Any, found: Finding) -> str | None:
    return kinds._with_advice(of, found).fix


def fix(of: Any, outcome: Outcome, **facts: Any) -> str | None:
    found = Finding(
        rule="r", kind="rule", outcome=outcome, detail="so it is", severity=of.severity, **facts
    )
    return advised(of, found)


@pytest.mark.parametrize("kind", RULES)
def test_a_fail_that_was_measured_says_what_to_do_and_a_pass_nothing(kind: str) -> None:
    told = fix(rule(kind), FAIL, observed=1.0)
    assert told is not None and told.endswith(".") and len(told) > 40
    paths = {value for name, value in vars(layout).items() if name.isupper()}
    assert set(re.findall(r"reports/[\w/.]+\w", told)) <= paths
    assert fix(rule(kind), PASS, observed=1.0) is None


def test_what_could_not_be_measured_is_told_in_the_detail_alone() -> None:
    assert fix(rule("limit"), FAIL) is None
    assert fix(rule("contract"), FAIL) is not None


def test_the_limit_that_may_be_moved_is_the_one_that_the_rule_has() -> None:
    for of, name in (
        (rule("change"), "margin"),
        (rule("gain"), "gain"),
        (rule("stability"), "max_flipped"),
        (rule("stability", max_flipped=None, max_distance=0.1), "max_distance"),
        (rule("flips"), "max"),
    ):
        assert re.search(rf"\b{name}\b", fix(of, FAIL, observed=1.0) or "")
        assert name in type(of).model_fields
    never = rule("reasons", max=None, never=("x",), first=2)
    assert "evaluate/index.html" in (fix(never, FAIL, observed=1.0) or "")
    assert "gate explain 'r'" in (fix(rule("fairness"), FAIL, observed=1.0) or "")
    assert "'town'" in (fix(rule("fairness"), FAIL, observed=1.0) or "")


def test_what_cannot_be_told_needs_more_of_the_holdout_or_a_looser_rule() -> None:
    of = rule("limit", slice="town")
    assert "have so many" in (fix(of, INCONCLUSIVE, observed=1.0, units_needed=40) or "")
    assert "min_rows" in (fix(of, INCONCLUSIVE, slice="town=A") or "")
    assert fix(of, INCONCLUSIVE, tolerated=True) is None
    assert fix(rule("cost"), INCONCLUSIVE) is None


def test_each_leakage_check_names_settings_that_there_are() -> None:
    assert tuple(LEAKAGE_WORDS)[: len(LEAKAGE_CHECKS)] == LEAKAGE_CHECKS
    for name in LEAKAGE_CHECKS:
        told = fix(rule("leakage"), FAIL, metric=name)
        assert told == LEAKAGE_WORDS[name].advice
        assert set(re.findall(r"leakage\.(\w+)", told)) <= set(LeakageParams.model_fields)
        assert fix(rule("leakage"), INCONCLUSIVE, metric=name) is None
    assert fix(rule("leakage"), FAIL, slice="x") is None


def test_what_is_allowed_by_name_needs_nothing() -> None:
    of = rule("leakage", allow=("same_key",))
    found = Finding(
        rule="r", kind="rule", outcome=FAIL, detail="x", metric="same_key", severity="warn"
    )
    assert advised(of, found) is None


def test_every_behaviour_has_a_next_step() -> None:
    kinds = {
        get_args(each.model_fields["check"].annotation)[0]
        for each in get_args(get_args(Behaviour)[0])
    }
    assert set(WHAT_TO_DO) == kinds


def test_it_stands_behind_what_is_so() -> None:
    found = Finding(rule="r", kind="rule", outcome=FAIL, detail="so it is", fix="Do that.")
    assert found.told == "so it is. Do that."
    assert found.model_copy(update={"fix": None}).told == "so it is"
