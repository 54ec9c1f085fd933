"""What an item of a rule shows when something else than the rule went wrong."""

from __future__ import annotations

import pytest

from assay.gate.pytest_run.findings_file import PytestFinding
from assay.gate.pytest_run.items import NotPassed, PolicyItem, format_finding
from assay.reports.verdict import Finding, Outcome

FINDING = Finding(rule="ranks", kind="rule", outcome=Outcome.FAIL, detail="too low")


def shown(request: pytest.FixtureRequest, error: Exception) -> str:
    known = PytestFinding(FINDING, format_finding(FINDING))
    item = PolicyItem.of(request.node.parent, "ranks", "rule", known)
    try:
        raise error
    except Exception:
        return str(item.repr_failure(pytest.ExceptionInfo.from_current()))


def test_a_bug_in_a_rule_shows_where_it_is(request: pytest.FixtureRequest) -> None:
    told = shown(request, ZeroDivisionError("by nothing"))
    assert "ZeroDivisionError: by nothing" in told
    assert "test_items.py" in told


def test_a_rule_that_did_not_pass_shows_its_sentence(request: pytest.FixtureRequest) -> None:
    told = shown(request, NotPassed(format_finding(FINDING)))
    assert "too low" in told
    assert "Traceback" not in told and "test_items.py" not in told
