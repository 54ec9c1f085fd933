from __future__ import annotations

from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import BundleMissing, GateNotPassed, StageInputMissing
from assay.gate.holdout_history import EXPERIMENT
from assay.gate.stage import MARKDOWN, run
from assay.project import layout
from assay.reports.verdict import JudgedChampion, Outcome, Verdict

IT = "tests/model/test_it.py"


def judge(tiny: Any, expected: Outcome) -> Verdict:
    """Run the gate; the verdict as it was written."""
    if expected is Outcome.PASS:
        run(tiny.root, tiny.params)
    else:
        with pytest.raises(GateNotPassed) as caught:
            run(tiny.root, tiny.params)
        assert caught.value.exit_code == 3
    verdict = Verdict.parse((tiny.root / layout.VERDICT).read_text(), layout.VERDICT)
    assert verdict.outcome is expected
    return verdict


def outcomes(verdict: Verdict) -> dict[str, str]:
    return {item.title: item.outcome.value for item in verdict.findings}


def test_pass(tiny: Any) -> None:
    verdict = judge(tiny, Outcome.PASS)
    assert outcomes(verdict) == {
        "ranks late ones first": "PASS",
        "no place is left behind[place=east]": "PASS",
        "no place is left behind[place=west]": "PASS",
        f"{IT}::test_holds": "PASS",
    }
    assert verdict.bundle == tiny.tree()["bundle"]
    assert verdict.champion == JudgedChampion(state="none")
    page = (tiny.root / MARKDOWN).read_text()
    assert page.startswith("## ✅ PASS: tiny, candidate prior")
    assert "no champion yet; absolute rules only" in page
    assert (tiny.root / "reports/gate/junit.xml").is_file()


def test_the_same_inputs_give_the_same_bytes(tiny: Any) -> None:
    def files() -> list[bytes]:
        judge(tiny, Outcome.FAIL)
        return [(tiny.root / name).read_bytes() for name in (layout.VERDICT, MARKDOWN)]

    tiny.write(IT, "def test_a(tmp_path): assert object() == tmp_path\ndef test_b(): pass\n")
    assert files() == files()


def test_the_project_is_left_as_it_was(tiny: Any) -> None:
    before = {path for path in tiny.root.rglob("*") if "reports" not in path.parts}
    judge(tiny, Outcome.PASS)
    assert {path for path in tiny.root.rglob("*") if "reports" not in path.parts} == before


def test_fail_names_the_rule_and_puts_it_first(tiny: Any, make_part: Any) -> None:
    tiny.evaluation(slices=[make_part("east", 0.7, 0.9), make_part("west", 0.3, 0.4)])
    with pytest.raises(GateNotPassed, match=r"no place is left behind\[place=west\]' FAIL"):
        run(tiny.root, tiny.params)
    table = [
        line for line in (tiny.root / MARKDOWN).read_text().splitlines() if line.startswith("|")
    ]
    assert table[2].startswith("| ❌ | **no place is left behind** at `place=west` | auc | 0.35 |")


def test_an_experiment_of_dvc_ends_well_with_whatever_verdict(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.7, "low": 0.6, "high": 0.8}})
    before = judge(tiny, Outcome.INCONCLUSIVE)
    monkeypatch.setenv(EXPERIMENT, "bold-name")
    assert main(["stage", "gate", "--root", str(tiny.root)]) == 0
    said = capsys.readouterr()
    assert "INCONCLUSIVE" in said.out
    assert "the verdict is INCONCLUSIVE" in said.err and "records the experiment" in said.err
    assert Verdict.parse((tiny.root / layout.VERDICT).read_text(), layout.VERDICT) == before
    assert main(["gate", "verdict", "--root", str(tiny.root)]) == GateNotPassed.exit_code


def test_summary_shows_why(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write(IT, "def test_bad():\n    assert 'lime' == 'lemon'\n")
    assert main(["stage", "gate", "--root", str(tiny.root)]) == GateNotPassed.exit_code
    out = capsys.readouterr().out
    assert "Model tests: 0 of 1 passed" in out
    assert "'lime' == 'lemon'" in out


@pytest.mark.parametrize("options", ["-k nothing", "--collect-only"])
def test_the_environment_cannot_switch_rules_off(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", options)
    assert len(judge(tiny, Outcome.PASS).findings) == 4


def test_addopts_of_the_project_cannot_switch_rules_off(tiny: Any) -> None:
    tiny.write("pytest.ini", "[pytest]\naddopts = -k nothing\n")
    assert len(judge(tiny, Outcome.PASS).findings) == 4


DESELECT = """
import pytest
@pytest.hookimpl({when}=True)
def pytest_collection_modifyitems(config, items):
    {what}
"""


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("tryfirst", "items[:] = items[:1]"),
        ("trylast", "items.clear()"),
        ("trylast", "config.hook.pytest_deselected(items=list(items)); items.clear()"),
        ("trylast", "items[:] = [item for item in items if 'params.yaml' not in item.nodeid]"),
    ],
)
def test_a_conftest_that_drops_items_fails(tiny: Any, when: str, what: str) -> None:
    tiny.write("tests/model/conftest.py", DESELECT.format(when=when, what=what))
    verdict = judge(tiny, Outcome.FAIL)
    assert any("did not run" in item.detail for item in verdict.findings)


def test_a_conftest_that_drops_one_test_fails(tiny: Any) -> None:
    drop = "items[:] = [item for item in items if 'test_it' not in item.nodeid]"
    tiny.write("tests/model/conftest.py", DESELECT.format(when="trylast", what=drop))
    found = outcomes(judge(tiny, Outcome.FAIL))
    assert found[f"{IT}::test_holds"] == "FAIL"
    assert found["ranks late ones first"] == "PASS"


def test_a_conftest_cannot_talk_a_rule_into_passing(tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.1, "low": 0.1, "high": 0.1}})
    tiny.write(
        "tests/model/conftest.py",
        "from assay.gate.pytest_run.plugin import PolicyItem\n"
        "PolicyItem.runtest = lambda self: None\n",
    )
    verdict = judge(tiny, Outcome.FAIL)
    assert "pytest saw something else" in verdict.findings[0].detail


def test_only_conftest_files_that_the_policy_covers_count(tiny: Any) -> None:
    tiny.write("conftest.py", DESELECT.format(when="trylast", what="items.clear()"))
    judge(tiny, Outcome.PASS)


@pytest.mark.parametrize(
    "body", ["import os; os._exit(0)", "import pytest; pytest.exit('enough', 0)"]
)
def test_a_session_that_ends_early_fails(tiny: Any, body: str) -> None:
    tiny.write(IT, f"def test_a():\n    {body}\ndef test_b(): pass\n")
    verdict = judge(tiny, Outcome.FAIL)
    assert any("did not run" in item.detail for item in verdict.findings)


def test_a_file_that_cannot_be_imported_fails_and_rules_still_run(tiny: Any) -> None:
    tiny.write("tests/model/test_broken.py", "import nowhere_at_all\n")
    verdict = judge(tiny, Outcome.FAIL)
    found = outcomes(verdict)
    assert found["tests/model/test_broken.py"] == "FAIL"
    assert found["ranks late ones first"] == "PASS"
    assert "nowhere_at_all" in next(
        item.detail for item in verdict.findings if item.rule == "tests/model/test_broken.py"
    )


def test_a_broken_conftest_fails(tiny: Any) -> None:
    tiny.write("tests/model/conftest.py", "import nowhere_at_all\n")
    verdict = judge(tiny, Outcome.FAIL)
    crash = next(item for item in verdict.findings if item.rule == "pytest")
    assert "exit code 4" in crash.detail


@pytest.mark.parametrize(
    ("gone", "error"),
    [
        (layout.EVALUATION, StageInputMissing),
        (layout.HOLDOUT_TABLE, StageInputMissing),
        (f"{layout.BUNDLE}/manifest.json", BundleMissing),
    ],
)
def test_an_error_leaves_no_older_verdict(tiny: Any, gone: str, error: type[Exception]) -> None:
    judge(tiny, Outcome.PASS)
    (tiny.root / gone).unlink()
    with pytest.raises(error):
        run(tiny.root, tiny.params)
    assert list((tiny.root / layout.GATE_REPORT).iterdir()) == []


def test_a_page_cannot_be_broken_by_names(tiny: Any) -> None:
    text = (tiny.root / layout.PARAMS).read_text()
    tiny.write(layout.PARAMS, text.replace("ranks late ones first", "'a | b <script>'"))
    judge(tiny, Outcome.PASS)
    page = (tiny.root / MARKDOWN).read_text()
    assert "a \\| b &lt;script&gt;" in page
