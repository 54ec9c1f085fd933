"""Convert the record of a pytest run to findings. Pure. A test that did not run is FAIL."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.gate.pytest_run import own_modules
from assay.gate.pytest_run.record import PytestRecord
from assay.gate.pytest_run.run import PytestRun
from assay.project import layout
from assay.project.text import first_few
from assay.reports.verdict import (
    COUNT,
    OUTCOMES,
    Finding,
    Outcome,
    TestResult,
    Verdict,
    distinct_titles,
)

DETAILS: Mapping[TestResult, str] = {
    "passed": "passed",
    "failed": "failed",
    "error": "could not be set up or taken down",
    "skipped": "was skipped, so it says nothing",
    "xfailed": "is expected to fail, and did",
    "xpassed": "is expected to fail, but passed",
    "not run": "was collected but did not run",
}
"""What pytest made of a model test, in words."""

_NAMED = 5


def confirm_findings(decided: Sequence[Finding], seen: PytestRecord) -> tuple[Finding, ...]:
    """The earlier findings; each becomes FAIL unless its pytest item ran with that outcome."""
    names = distinct_titles(decided)
    return tuple(_confirmed(*each, seen) for each in zip(decided, names, strict=True))


def _confirmed(finding: Finding, name: str, seen: PytestRecord) -> Finding:
    node = f"{layout.PARAMS}::{name}"
    if node not in seen.policy or node not in seen.outcomes:
        return _distrusted(finding, f"did not run under pytest ({finding.statement})")
    if seen.outcomes[node] != _expected(finding):
        text = f"pytest saw something else: {seen.outcomes[node]} ({finding.statement})"
        return _distrusted(finding, text)
    return finding


def _expected(finding: Finding) -> str:
    """The outcome that pytest must have reported."""
    if finding.outcome is Outcome.PASS:
        return "passed"
    return "failed" if finding.blocks else "xfailed"


def _distrusted(finding: Finding, detail: str) -> Finding:
    """A copy that is a blocking FAIL, without severity or waiver of the rule."""
    return finding.model_copy(
        update={
            "outcome": Outcome.FAIL,
            "detail": detail,
            "fix": None,
            "severity": "block",
            "waiver": None,
        }
    )


def model_test_findings(seen: PytestRecord, *, alone: bool) -> tuple[Finding, ...]:
    """One finding per model test and one per collection error, sorted by node id.

    Parameters
    ----------
    alone
        Whether there is no champion yet: then tests that need one are tolerated.
    """
    findings = [_test_finding(node, seen, alone) for node in seen.tests]
    for node, lost in seen.uncollected.items():
        outcome = Outcome.INCONCLUSIVE if lost.skipped else Outcome.FAIL
        text = "was skipped" if lost.skipped else "could not be collected"
        findings.append(_about_tests(node, outcome, f"{text}: {lost.detail}"))
    return tuple(sorted(findings, key=lambda finding: (finding.rule, finding.detail)))


def _test_finding(node: str, seen: PytestRecord, alone: bool) -> Finding:
    result: TestResult = seen.outcomes.get(node, "not run")
    detail = "" if result == "passed" else seen.details.get(node)
    text = DETAILS[result] + (f": {detail}" if detail else "")
    # The first model has no champion, so only absolute rules and tests count.
    absent = result == "skipped" and node in seen.without_champion
    return _about_tests(node, OUTCOMES[result], text, test=result, tolerated=alone and absent)


def session_findings(session: PytestRun, tests: str, *, there: bool) -> tuple[Finding, ...]:
    """Findings about the pytest run as a whole. They cannot be waived.

    Parameters
    ----------
    there
        Whether the folder ``tests`` exists.
    """
    findings = []
    if not there:
        findings.append(_about_tests(tests, Outcome.FAIL, "no such folder of model tests"))
    elif not session.crash and not session.seen.tests:
        findings.append(_about_tests(tests, Outcome.FAIL, "no model test was collected"))
    for file, hooks in session.seen.hooks.items():
        detail = f"decides what a test comes to by {hooks}; keep to fixtures, which do not"
        findings.append(_about_tests(file, Outcome.FAIL, detail))
    if session.crash:
        findings.append(_about_tests("pytest", Outcome.FAIL, session.crash))
    elif session.code != 0 and not _explains(session.seen):
        detail = f"ended with exit code {session.code} though everything it reported passed"
        findings.append(_about_tests("pytest", Outcome.FAIL, detail))
    return tuple(findings)


def module_findings(loaded: Iterable[str], evidence: Container[str]) -> tuple[Finding, ...]:
    """A FAIL for each file of the project that was loaded and is no evidence.

    Parameters
    ----------
    loaded
        Files that the process of the tests held as modules.
    evidence
        Files that the verdict's digests cover.
    """
    detail = (
        "was loaded, and no digest of the verdict covers it: name it in an import statement of the "
        "code that needs it, or keep it from being loaded"
    )
    paths = sorted({path for path in loaded if path not in evidence})
    return tuple(
        Finding(rule=path, kind="test", outcome=Outcome.FAIL, detail=detail) for path in paths
    )


def uncollected_findings(root: Path, tests: str, session: PytestRun) -> tuple[Finding, ...]:
    """A FAIL for each test under ``root/tests`` that was not collected."""
    if session.crash:
        return ()  # the list of collected tests is incomplete
    known = set(session.seen.uncollected)
    uncollected = own_modules.find_uncollected(root, tests, set(session.seen.places), known)
    return tuple(_about_tests(each.node, Outcome.FAIL, each.detail) for each in uncollected)


def fewer_tests_findings(
    tests: str, seen: PytestRecord, champion: Verdict | None, version: str | None
) -> tuple[Finding, ...]:
    """A warning if the champion had more model tests than there are now."""
    before = () if champion is None else champion.model_tests
    if len(before) <= len(seen.tests):
        return ()
    gone = sorted(set(before) - set(seen.tests))
    detail = (
        f"fewer model tests than the champion {version or 'of before'} was held to: "
        f"{len(seen.tests)} instead of {len(before)}; gone: {first_few(gone, _NAMED)}"
    )
    facts = {"metric": COUNT, "observed": len(seen.tests), "limit": len(before)}
    return (_about_tests(tests, Outcome.FAIL, detail, severity="warn", direction="min", **facts),)


def _explains(seen: PytestRecord) -> bool:
    """Whether an item explains pytest's exit code 1."""
    failed = {"failed", "error", "xpassed"}
    return bool(seen.uncollected) or not failed.isdisjoint(seen.outcomes.values())


def _about_tests(node: str, outcome: Outcome, detail: str, **facts: Any) -> Finding:
    fix = f"See it alone: pytest '{node}'" if "::" in node and outcome is not Outcome.PASS else None
    return Finding(rule=node, kind="test", outcome=outcome, detail=detail, fix=fix, **facts)
