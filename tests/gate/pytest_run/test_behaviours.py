"""Behaviours of params.yaml as pytest items, and what the gate makes of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.errors import BundleChanged, BundleError, DataError, GateNotPassed, StageInputMissing
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


def test_a_behaviour_is_an_item_that_k_finds(go: Any) -> None:
    result = go("--collect-only", "-q", "tests/model")
    result.stdout.fnmatch_lines([f"params.yaml::{GOOD}", f"params.yaml::{BAD}"])
    go("tests/model", "-k", "farther and safer").assert_outcomes(passed=1, deselected=3)
    go(f"params.yaml::{GOOD}").assert_outcomes(passed=1)


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


def test_a_warning_is_seen_and_stops_nobody(go: Any, project: Path) -> None:
    edit(project, "      max_failed: 0.25", "      severity: warn")
    result = go("params.yaml", "-rx")
    result.assert_outcomes(passed=1, xfailed=1, deselected=1)
    result.stdout.fnmatch_lines(["*warning: * of * rows move by more than 0.01*"])
    assert result.ret == 0


def test_findings_have_the_numbers_the_rule_and_the_worst_row(project: Path) -> None:
    found = found_by_rule(project)
    good, bad = found[GOOD], found[BAD]
    assert (good.outcome, good.observed, good.limit) == (Outcome.PASS, 0.0, 0.0)
    assert (bad.outcome, bad.limit, bad.direction) == (Outcome.FAIL, 0.25, "max")
    assert 0.25 < bad.observed <= 1 and bad.rows > 900
    assert "; such as row " in bad.detail and "weight " in bad.detail
    assert (bad.owner, bad.because) == ("dispatch", "a van carries anything")


def test_the_same_inputs_give_the_same_findings(project: Path) -> None:
    edit(project, "{column: weight, set: 40}", "{column: weight, shuffle: true}")
    assert found_by_rule(project) == found_by_rule(project)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("column: distance, add", "column: distnce, add", "no column 'distnce'. Did you mean"),
        ("add: 50", "set: far", "column 'distance' holds numbers"),
        ("expect: not_lower", "expect: not_lower\n      class: late", "makes no sense of a binary"),
        ("expect: not_lower", "expect: not_lower\n      where: {depot: moon}", "no row fits where"),
        ("column: distance, add: 50", "column: sent, add: 1h", "does not read 'sent'"),
    ],
)
def test_what_cannot_be_asked_fails(project: Path, old: str, new: str, reason: str) -> None:
    edit(project, old, new)
    found = found_by_rule(project)[GOOD]
    assert found.outcome is Outcome.FAIL
    assert found.detail.startswith(f"params.yaml: gate.behaviour '{GOOD}': ")
    assert reason in found.detail


@pytest.mark.parametrize("gone", [layout.HOLDOUT_TABLE, f"{layout.BUNDLE}/manifest.json"])
def test_without_model_or_rows_all_fail(project: Path, gone: str, go: Any) -> None:
    (project / gone).unlink()
    assert {each.outcome for each in found_by_rule(project).values()} == {Outcome.FAIL}
    go("params.yaml").assert_outcomes(failed=2, deselected=1)


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


@pytest.mark.parametrize(
    ("conftest", "name", "words"),
    [
        (
            "from assay.gate.pytest_run.plugin import PolicyItem\n"
            "PolicyItem.runtest = lambda self: None\n",
            BAD,
            "pytest saw something else: passed",
        ),
        (
            "def pytest_collection_modifyitems(items):\n"
            f"    items[:] = [item for item in items if item.name != {GOOD!r}]\n",
            GOOD,
            "did not run under pytest",
        ),
    ],
)
def test_a_conftest_cannot_talk_a_behaviour_into_passing(
    judged: Any, project: Path, conftest: str, name: str, words: str
) -> None:
    if name == GOOD:  # so that all others pass, and this one is all that blocks
        edit(project, "within: 0.01", "within: 1")
    (project / "tests/model/conftest.py").write_text(conftest, encoding="utf-8")
    found = [each for each in judged().findings if each.rule == name]
    assert [each.outcome for each in found] == [Outcome.FAIL]
    assert words in found[0].detail


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
    from assay.model.bundle import verified_digest

    return verified_digest(root / layout.BUNDLE)


def test_fixtures(go: Any, project: Path) -> None:
    (project / "tests/model/test_direction.py").write_text(FIXTURES, encoding="utf-8")
    leave_champion(
        project, state="found", version="v1.0.0", commit="c0ffee", bundle=digest(project)
    )
    result = go("tests/model/test_direction.py", "-k", "test_direction")
    result.assert_outcomes(passed=2, failed=1, deselected=3)
    result.stdout.fnmatch_lines(["*AssertionError: * rows move by more than 0.001 (the worst by *"])


def test_without_a_champion_its_tests_skip_with_the_reason(go: Any, project: Path) -> None:
    (project / "tests/model/test_direction.py").write_text(FIXTURES, encoding="utf-8")
    leave_champion(project, state="none", why="nothing holds prod")
    result = go("tests/model/test_direction.py", "-k", "better", "-rs")
    result.assert_outcomes(skipped=1, deselected=5)
    result.stdout.fnmatch_lines(["*no champion yet: nothing holds prod*"])


def test_a_champion_that_cannot_be_read_is_an_error(go: Any, project: Path) -> None:
    (project / "tests/model/test_direction.py").write_text(FIXTURES, encoding="utf-8")
    leave_champion(project, state="unreadable", why="its bundle is gone")
    result = go("tests/model/test_direction.py", "-k", "better")
    result.assert_outcomes(errors=1, deselected=5)
    result.stdout.fnmatch_lines(["*the champion cannot be read (found its bundle is gone)*"])


def test_champion_of(project: Path) -> None:
    values = params.load(project)
    with pytest.raises(StageInputMissing, match="champion has not run"):
        decided.load_champion(project, values)
    leave_champion(
        project, state="found", version="v1.0.0", commit="c0ffee", bundle="sha256:" + "0" * 64
    )
    with pytest.raises(BundleChanged, match="another bundle"):
        decided.load_champion(project, values)
    told = project / layout.CHAMPION_FACTS
    for text, kind in (
        ("{}", DataError),
        (json.dumps(StageHolder(state="unreadable", stage="prod", why="x").tree()), BundleError),
    ):
        told.write_text(text, encoding="utf-8")
        with pytest.raises(kind):
            decided.load_champion(project, values)
