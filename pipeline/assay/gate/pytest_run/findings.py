"""Convert the record of a pytest run to findings. Pure. A test that did not run is FAIL."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

from assay.gate.pytest_run import declared_tests
from assay.gate.pytest_run.fixtures import NO_CHAMPION
from assay.gate.pytest_run.record import PytestRecord
from assay.gate.pytest_run.run import PytestRun
from assay.gate.rules import wording
from assay.gate.rules.next_steps import test_alone
from assay.project import layout
from assay.reports.verdict import Finding, ModelTests, Outcome, Verdict

TEST_OUTCOMES = {
    "passed": Outcome.PASS,
    "failed": Outcome.FAIL,
    "error": Outcome.FAIL,
    "skipped": Outcome.INCONCLUSIVE,
    "xfailed": Outcome.INCONCLUSIVE,
    "xpassed": Outcome.INCONCLUSIVE,
}

_NAMED = 5


def confirm_findings(decided: Sequence[Finding], seen: PytestRecord) -> tuple[Finding, ...]:
    """The earlier findings; each becomes FAIL unless its pytest item ran with that outcome."""
    return tuple(_confirmed(finding, seen) for finding in decided)


def _confirmed(finding: Finding, seen: PytestRecord) -> Finding:
    node = f"{layout.PARAMS}::{finding.title}"
    if node not in seen.policy or node not in seen.outcomes:
        return _distrusted(finding, f"did not run under pytest ({finding.detail})")
    if seen.outcomes[node] != _expected(finding):
        said = f"pytest saw something else: {seen.outcomes[node]} ({finding.detail})"
        return _distrusted(finding, said)
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
    found = [_test_finding(node, seen, alone) for node in seen.tests]
    for node, reason in seen.uncollected.items():
        kind, _, detail = reason.partition(": ")
        outcome = Outcome.INCONCLUSIVE if kind == "skipped" else Outcome.FAIL
        said = "was skipped" if kind == "skipped" else "could not be collected"
        found.append(_about_tests(node, outcome, f"{said}: {detail}"))
    return tuple(sorted(found, key=lambda finding: (finding.rule, finding.detail)))


def _test_finding(node: str, seen: PytestRecord, alone: bool) -> Finding:
    outcome = seen.outcomes.get(node)
    if outcome is None:
        return _about_tests(node, Outcome.FAIL, wording.NOT_RUN)
    if outcome == "passed":
        return _about_tests(node, Outcome.PASS, "passed")
    detail = seen.details.get(node)
    said = (wording.RESULT_DETAILS | wording.NO_RESULT_DETAILS)[outcome] + (
        f": {detail}" if detail else ""
    )
    found = _about_tests(node, TEST_OUTCOMES[outcome], said)
    # The first model has no champion, so only absolute rules and tests count.
    absent = outcome == "skipped" and (detail or "").startswith(f"Skipped: {NO_CHAMPION}")
    return found.model_copy(update={"tolerated": alone and absent})


def session_findings(session: PytestRun, tests: str, *, there: bool) -> tuple[Finding, ...]:
    """Findings about the pytest run as a whole. They cannot be waived.

    Parameters
    ----------
    there
        Whether the folder ``tests`` exists.
    """
    found = []
    if not there:
        found.append(_about_tests(tests, Outcome.FAIL, "no such folder of model tests"))
    elif not session.crash and not session.seen.tests:
        found.append(_about_tests(tests, Outcome.FAIL, "no model test was collected"))
    for file, hooks in session.seen.hooks.items():
        detail = f"decides what a test comes to by {hooks}; keep to fixtures, which do not"
        found.append(_about_tests(file, Outcome.FAIL, detail))
    if session.crash:
        found.append(_about_tests("pytest", Outcome.FAIL, session.crash))
    elif session.code != 0 and not _explains(session.seen):
        detail = f"ended with exit code {session.code} though everything it reported passed"
        found.append(_about_tests("pytest", Outcome.FAIL, detail))
    return tuple(found)


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
    found = sorted({path for path in loaded if path not in evidence})
    return tuple(
        Finding(rule=path, kind="test", outcome=Outcome.FAIL, detail=detail) for path in found
    )


def uncollected_findings(root: Path, tests: str, session: PytestRun) -> tuple[Finding, ...]:
    """A FAIL for each test under ``root/tests`` that was not collected."""
    if session.crash:
        return ()  # the list of collected tests is incomplete
    known = set(session.seen.uncollected)
    found = declared_tests.find_uncollected(root, tests, set(session.seen.places), known)
    return tuple(_about_tests(each.node, Outcome.FAIL, each.detail) for each in found)


def count_model_tests(seen: PytestRecord, champion: Verdict | None) -> ModelTests:
    """How many model tests were collected, and how many passed or failed."""
    ran = sum(seen.outcomes.get(node) in wording.RESULT_DETAILS for node in seen.tests)
    before = None if champion is None else len(champion.model_tests)
    return ModelTests(collected=len(seen.tests), ran=ran, champion=before)


def fewer_tests_findings(
    tests: str, seen: PytestRecord, champion: Verdict | None, version: str | None
) -> tuple[Finding, ...]:
    """A warning if the champion had more model tests than there are now."""
    before = () if champion is None else champion.model_tests
    if len(before) <= len(seen.tests):
        return ()
    gone = sorted(set(before) - set(seen.tests))
    more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
    detail = (
        f"{wording.FEWER} {version or 'of before'} was held to: "
        f"{len(seen.tests)} instead of {len(before)}; gone: {', '.join(gone[:_NAMED])}{more}"
    )
    warning = _about_tests(tests, Outcome.FAIL, detail)
    return (warning.model_copy(update={"severity": "warn"}),)


def _explains(seen: PytestRecord) -> bool:
    """Whether an item explains pytest's exit code 1."""
    failed = {"failed", "error", "xpassed"}
    return bool(seen.uncollected) or not failed.isdisjoint(seen.outcomes.values())


def _about_tests(node: str, outcome: Outcome, detail: str) -> Finding:
    fix = None if outcome is Outcome.PASS else test_alone(node)
    return Finding(rule=node, kind="test", outcome=outcome, detail=detail, fix=fix)
