"""Behaviours of params.yaml as pytest items, and what the gate makes of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.errors import GateNotPassed
from assay.gate.pytest_run import decided
from assay.gate.stage import run as judge
from assay.project import layout, params
from assay.reports.champion import StageHolder
from assay.reports.verdict import Outcome, Verdict

GOOD = "farther is never safer"
BAD = "weight does not matter"
BEHAVIOURS = f"""  behaviour:
    - name: {GOOD}
      check: direction
      change: {{column: distance, add: 50}}
      expect: not_lower
      owner: dispatch
      because: it takes longer
    - name: {BAD}
      check: invariance
      change: {{column: weight, set: 40}}
      within: 0.01
      max_failed: 0.25
      owner: dispatch
      because: a van carries anything
"""


def edit(root: Path, old: str, new: str) -> None:
    text = (root / layout.PARAMS).read_text(encoding="utf-8")
    assert old in text
    (root / layout.PARAMS).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def imported(trained: Path) -> None:
    """Pytester forgets what is imported after it began, and Arrow cannot be imported twice."""
    decided.evaluate_behaviours(trained, params.load(trained))


@pytest.fixture
def project(parcels: Path) -> Path:
    text = (parcels / layout.PARAMS).read_text(encoding="utf-8")
    start, end = text.index("  behaviour:\n"), text.index("\nscore:\n")
    (parcels / layout.PARAMS).write_text(text[:start] + BEHAVIOURS + text[end:], encoding="utf-8")
    return parcels


@pytest.fixture
def go(session_in: Any, project: Path) -> Any:
    """Pytest in the project, as somebody would call it there; its one rule is left out."""
    rule = "params.yaml::ranks late parcels first"
    return lambda *arguments: session_in(project, "--deselect", rule, *arguments)


def found_by_rule(root: Path) -> dict[str, Any]:
    found = decided.evaluate_behaviours(root, params.load(root))
    return {each.finding.rule: each.finding for each in found}


def test_one_that_fails_shows_its_rows_before_and_after(go: Any) -> None:
    result = go("params.yaml")
    result.assert_outcomes(passed=1, failed=1, deselected=1)
    result.stdout.fnmatch_lines(
        [
            "FAIL: * of * rows move by more than 0.01 (the worst by *, 0.25 of them may)",
            "row *parcel *what * before *after *score before *score after*",
            "* weight * 40 *",
            "because: a van carries anything",
            "owner: dispatch",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*NotPassed(*")


def test_the_same_inputs_give_the_same_findings(project: Path) -> None:
    edit(project, "{column: weight, set: 40}", "{column: weight, shuffle: true}")
    assert found_by_rule(project) == found_by_rule(project)


# ---------------------------------------------------------------------------------- gate


@pytest.fixture(scope="module")
def reports(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stages before the gate leave, which behaviours have no part in."""
    import assay.evaluation.compare
    import assay.evaluation.evaluate

    root = tmp_path_factory.mktemp("reports") / "parcels"
    shutil.copytree(trained, root)
    leave_champion(root, state="none", why="nothing holds prod")
    values = params.load(root)
    assay.evaluation.evaluate.run(root, values)
    assay.evaluation.compare.run(root, values)
    return root / "reports"


@pytest.fixture
def judged(project: Path, reports: Path) -> Any:
    def go() -> Verdict:
        shutil.copytree(reports, project / "reports", dirs_exist_ok=True)
        try:
            return judge(project, params.load(project)).verdict
        except GateNotPassed:
            text = (project / layout.VERDICT).read_text(encoding="utf-8")
            return Verdict.parse(text, layout.VERDICT)

    return go


def test_the_gate_decides_as_pytest_does(judged: Any, project: Path) -> None:
    found = {each.rule: each for each in judged().findings}
    assert found[GOOD].outcome is Outcome.PASS
    assert found[BAD].outcome is Outcome.FAIL
    assert found[BAD] == found_by_rule(project)[BAD]
    assert found["tests/model/test_direction.py::test_farther_is_later"].outcome is Outcome.PASS


# ------------------------------------------------------------------------------- fixtures

FIXTURES = """
import pytest
from assay.testing import directional, invariant

def test_all(model, bundle, holdout, reference, score, slices, policy, evaluation=None):
    assert model is bundle
    assert len(score(holdout)) == len(holdout)
    assert set(bundle.manifest.features) <= set(reference.columns)
    assert sum(len(part) for title, part in slices.items() if title.startswith("depot=")) == len(
        holdout
    )
    assert policy.behaviour[0].check == "direction"
    directional(score, holdout, {"column": "distance", "add": 50}, expect="not_lower")

def test_rows_are_shown(score, holdout):
    invariant(score, holdout, {"column": "weight", "set": 40}, within=0.001)

def test_better(score, champion, holdout):
    assert champion.digest == score.bundle.digest
"""


FOUND: dict[str, Any] = {"state": "found", "version": "v1.0.0", "commit": "c0ffee"}


def leave_champion(root: Path, **facts: Any) -> None:
    StageHolder(stage="prod", **facts).write(root)
    if facts["state"] == "found":
        shutil.copytree(root / layout.BUNDLE, root / layout.CHAMPION_BUNDLE)


def digest(root: Path) -> str:
    from assay.model.bundle_files import verified_digest

    return verified_digest(root / layout.BUNDLE)


def test_fixtures(go: Any, project: Path) -> None:
    (project / "tests/model/test_direction.py").write_text(FIXTURES, encoding="utf-8")
    leave_champion(
        project, state="found", version="v1.0.0", commit="c0ffee", bundle=digest(project)
    )
    result = go("tests/model/test_direction.py", "-k", "test_direction")
    result.assert_outcomes(passed=2, failed=1, deselected=3)
    result.stdout.fnmatch_lines(["*AssertionError: * rows move by more than 0.001 (the worst by *"])
