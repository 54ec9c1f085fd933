"""From what pytest saw to findings: whatever is not just as expected is FAIL."""

from __future__ import annotations

from typing import Any

import pytest

from assay.gate.pytest_run import findings
from assay.gate.pytest_run.decided import OPTION, PytestFinding, write_findings
from assay.gate.pytest_run.record import PytestRecord, Uncollected, read_record
from assay.gate.pytest_run.run import PytestRun
from assay.reports.verdict import Finding, ModelTests, Outcome, Verdict, Waiver
from tests.gate.build import changed
from tests.verdicts import finding, verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
NODE = "params.yaml::ranks"
WAIVED = {"waiver": Waiver(because="a fix is coming", owner="us", until="2020-05-31")}


def seen(told: Finding, outcome: str) -> PytestRecord:
    node = f"params.yaml::{told.title}"
    return PytestRecord(collected=[node], policy=[node], outcomes={node: outcome})


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (finding(PASS), "passed"),
        (finding(PASS, slice="o=a"), "passed"),
        (finding(FAIL), "failed"),
        (finding(INCONCLUSIVE), "failed"),
        (finding(INCONCLUSIVE, tolerated=True), "xfailed"),
        (finding(FAIL, severity="warn"), "xfailed"),
        (finding(FAIL, **WAIVED), "xfailed"),
    ],
)
def test_what_pytest_saw_too_is_believed(told: Finding, outcome: str) -> None:
    assert findings.confirm_findings([told], seen(told, outcome)) == (told,)
    others = {"passed", "failed", "xfailed", "skipped", "error", "xpassed"} - {outcome}
    for other in others:
        (found,) = findings.confirm_findings([told], seen(told, other))
        assert (found.outcome, found.blocks) == (FAIL, True)
        assert found.detail == f"pytest saw something else: {other} (so it is)"


def test_two_findings_of_a_rule_in_one_place_are_two_items(session_in: Any, tiny: Any) -> None:
    about = {"slice": "o=a", "severity": "warn"}
    found = [finding(PASS, **about), finding(INCONCLUSIVE, **about), finding(PASS, **about)]
    asked, seen = tiny.root / "asked.json", tiny.root / "seen.json"
    write_findings(asked, [PytestFinding(each, "so") for each in found])
    session_in(tiny.root, "params.yaml", f"{OPTION}={asked}", f"--assay-findings={seen}")
    record = read_record(seen)
    assert record.policy == [f"{NODE}[o=a]{at}" for at in ("", " (2)", " (3)")]
    assert findings.confirm_findings(found, record) == tuple(found)


def test_what_pytest_decided_otherwise_fails() -> None:
    told = finding(FAIL, severity="warn", **WAIVED)
    (found,) = findings.confirm_findings([told], seen(told, "passed"))
    assert found == changed(
        told,
        detail="pytest saw something else: passed (so it is)",
        severity="block",
        waiver=None,
    )
    assert found.blocks


def test_what_pytest_did_not_run_fails() -> None:
    told = finding(PASS, severity="warn")
    collected = PytestRecord(collected=[NODE], policy=[NODE])
    ran = PytestRecord(collected=[NODE], outcomes={NODE: "passed"})
    for record in (PytestRecord(), collected, ran):
        (found,) = findings.confirm_findings([told], record)
        assert (found.outcome, found.blocks) == (FAIL, True)
        assert found.detail == "did not run under pytest (so it is)"


def told(**outcomes: str) -> dict[str, Finding]:
    record = PytestRecord(
        collected=list(outcomes),
        outcomes=outcomes,
        details={name: "why" for name in outcomes if name != "silent"},
    )
    return {each.rule: each for each in findings.model_test_findings(record, alone=False)}


@pytest.mark.parametrize(
    ("outcome", "expected", "words"),
    [
        ("passed", PASS, "passed"),
        ("failed", FAIL, "failed: why"),
        ("error", FAIL, "could not be set up or taken down: why"),
        ("skipped", INCONCLUSIVE, "was skipped, so it says nothing: why"),
        ("xfailed", INCONCLUSIVE, "is expected to fail, and did: why"),
        ("xpassed", INCONCLUSIVE, "is expected to fail, but passed: why"),
    ],
)
def test_a_test_is_what_it_came_to(outcome: str, expected: Outcome, words: str) -> None:
    (found,) = told(a=outcome).values()
    assert (found.kind, found.outcome, found.detail) == ("test", expected, words)
    assert found.blocks is (expected is not PASS)
    (found,) = told(silent=outcome).values()
    assert found.detail == words.removesuffix(": why")


@pytest.mark.parametrize(
    ("outcome", "without", "alone", "tolerated"),
    [
        ("skipped", ["a"], True, True),
        ("skipped", ["a"], False, False),
        ("skipped", ["b"], True, False),
        ("failed", ["a"], True, False),
        ("xfailed", ["a"], True, False),
    ],
)
def test_the_first_model_has_no_champion_to_be_tested_against(
    outcome: str, without: list[str], alone: bool, tolerated: bool
) -> None:
    record = PytestRecord(
        collected=["a"],
        outcomes={"a": outcome},  # type: ignore[dict-item]
        details={"a": "Skipped: no champion yet"},
        without_champion=without,
    )
    (found,) = findings.model_test_findings(record, alone=alone)
    assert found.tolerated is tolerated
    assert found.blocks is not tolerated
    silent = PytestRecord(collected=["a"], outcomes={"a": "skipped"})
    (found,) = findings.model_test_findings(silent, alone=True)
    assert found.blocks


def test_a_test_that_did_not_run_fails() -> None:
    (found,) = findings.model_test_findings(PytestRecord(collected=["t::a"]), alone=True)
    assert (found.outcome, found.detail) == (FAIL, "was collected but did not run")


def test_rules_are_no_tests_and_tests_come_by_name() -> None:
    record = PytestRecord(
        collected=["t::b", NODE, "t::a"],
        policy=[NODE],
        outcomes={"t::b": "passed", NODE: "passed", "t::a": "passed"},
    )
    assert [each.rule for each in findings.model_test_findings(record, alone=False)] == [
        "t::a",
        "t::b",
    ]


def test_what_could_not_be_collected_is_a_finding() -> None:
    record = PytestRecord(
        uncollected={
            "b.py": Uncollected(False, "no module: x"),
            "a.py": Uncollected(True, "not today"),
        }
    )
    first, second = findings.model_test_findings(record, alone=False)
    assert (first.rule, first.outcome, first.detail) == (
        *("a.py", INCONCLUSIVE),
        "was skipped: not today",
    )
    assert (second.rule, second.outcome) == ("b.py", FAIL)
    assert second.detail == "could not be collected: no module: x"


def session(code: int = 0, crash: str | None = None, **record: Any) -> PytestRun:
    return PytestRun(PytestRecord(**record), code, "", crash)


def details(given: PytestRun, *, there: bool = True) -> list[tuple[str, str]]:
    found = findings.session_findings(given, "tests/model", there=there)
    assert all((each.kind, each.outcome) == ("test", FAIL) for each in found)
    return [(each.rule, each.detail) for each in found]


def test_a_session_that_ended_as_it_should_is_no_finding() -> None:
    assert details(session(collected=["a"])) == []
    for outcome in ("failed", "error", "xpassed"):
        assert details(session(1, collected=["a"], outcomes={"a": "passed", "b": outcome})) == []
    assert details(session(1, collected=["a"], uncollected={"a.py": Uncollected(False, "x")})) == []


@pytest.mark.parametrize("collected", [[], [NODE]])
def test_a_session_without_a_model_test_fails(collected: list[str]) -> None:
    found = details(session(collected=collected, policy=[NODE]))
    assert found == [("tests/model", "no model test was collected")]


def test_an_exit_code_that_nothing_explains_fails() -> None:
    told = [("pytest", "ended with exit code 1 though everything it reported passed")]
    assert details(session(1, collected=["a"])) == told
    for outcome in ("passed", "skipped", "xfailed"):
        assert details(session(1, collected=["a"], outcomes={"a": outcome})) == told


def test_a_crash_fails() -> None:
    assert details(session(3, "pytest ended with exit code 3")) == [
        ("pytest", "pytest ended with exit code 3")
    ]


def test_a_folder_that_is_not_there_fails() -> None:
    assert details(session(), there=False) == [("tests/model", "no such folder of model tests")]
    assert len(details(session(1), there=False)) == 2


def test_only_answers_count_as_run() -> None:
    outcomes = dict.fromkeys(["failed", "passed", "xfailed", "xpassed", "skipped", "error"])
    record = PytestRecord(
        collected=[*outcomes, "silent", NODE],
        policy=[NODE],
        outcomes={each: each for each in outcomes},
    )
    found = findings.model_test_findings(record, alone=False)
    assert ModelTests.count(found, None) == ModelTests(collected=7, ran=4)


def champions(gone: int) -> Verdict:
    """A champion's verdict with so many tests that the challenger below has not."""
    told = [finding(kind="test", rule=f"t.py::test_{place}") for place in range(gone + 1)]
    return verdict(finding(rule="a rule::of another kind"), *told)


@pytest.mark.parametrize(("gone", "end"), [(5, "t.py::test_5"), (6, " and 1 more")])
def test_tests_that_the_champion_had_are_counted_and_named(gone: int, end: str) -> None:
    now = PytestRecord(collected=["t.py::test_0"], outcomes={"t.py::test_0": "passed"})
    before = champions(gone)
    made = findings.model_test_findings(now, alone=False)
    assert ModelTests.count(made, before) == ModelTests(collected=1, ran=1, champion=gone + 1)
    (told,) = findings.fewer_tests_findings("tests/model", now, before, "v0.1.0")
    assert (told.outcome, told.severity) == (FAIL, "warn")
    assert (told.observed, told.limit) == (1, gone + 1)
    assert told.detail.endswith(end)
    assert findings.fewer_tests_findings("tests/model", now, champions(0), "v0.1.0") == ()
