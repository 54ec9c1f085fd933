from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.gate.pytest_run.decided import PytestFinding, format_finding
from assay.gate.pytest_run.fixtures import find_project, is_assay_project
from assay.gate.pytest_run.plugin import NotPassed, PolicyItem
from assay.reports.verdict import Finding, Outcome

OVERALL = "params.yaml::ranks late ones first"
EAST = "params.yaml::no place is left behind[place=east]"
WEST = "params.yaml::no place is left behind[place=west]"


def ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line and " " not in line.split("::")[0]]


def test_rules_are_items_beside_the_model_tests(run: Any) -> None:
    result = run("--collect-only", "-q", "tests/model")
    assert ids(result) == ["tests/model/test_it.py::test_holds", OVERALL, EAST, WEST]


def test_all_pass(run: Any) -> None:
    run("tests/model").assert_outcomes(passed=4)


def test_k_selects_rules_by_their_words(run: Any) -> None:
    run("tests/model", "-k", "late").assert_outcomes(passed=1, deselected=3)


def test_rules_count_as_collected(run: Any) -> None:
    result = run("tests/model", "-k", "late", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["1/4 tests collected (3 deselected)*"])


def test_x_stops_at_the_first_rule_that_fails(run: Any, tiny: Any, make_part: Any) -> None:
    tiny.evaluation(slices=[make_part("east", 0.1, 0.2), make_part("west", 0.1, 0.2)])
    run("tests/model", "-x").assert_outcomes(passed=2, failed=1)


def test_params_yaml_by_name_runs_the_rules_alone(run: Any) -> None:
    run("params.yaml").assert_outcomes(passed=3)
    run(EAST).assert_outcomes(passed=1)


def test_rules_are_not_doubled_when_both_are_named(run: Any) -> None:
    run("params.yaml", "tests/model").assert_outcomes(passed=4)


def test_a_failed_rule_reads_as_a_sentence(run: Any, tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.5, "low": 0.45, "high": 0.55}})
    result = run("tests/model")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "FAIL: auc 0.5, 95% interval 0.45 to 0.55, misses the limit of at least 0.7",
            "because: it must",
            "owner: us",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*NotPassed(*")


def test_an_inconclusive_rule_fails_too(run: Any, tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.7, "low": 0.65, "high": 0.75}})
    result = run("tests/model")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        ["INCONCLUSIVE: *cannot be told from the limit of at least 0.7 on 600 rows"]
    )


def test_without_an_evaluation_every_rule_fails(run: Any, tiny: Any) -> None:
    (tiny.root / "reports/evaluate/evaluation.json").unlink()
    run("tests/model").assert_outcomes(passed=1, failed=2)


def test_tests_elsewhere_bring_no_rules(run: Any, tiny: Any) -> None:
    tiny.write("tests/test_other.py", "def test_a(): pass")
    run("tests/test_other.py").assert_outcomes(passed=1)


def test_a_params_yaml_of_somebody_else_is_left_alone(run: Any, tiny: Any) -> None:
    tiny.write("params.yaml", "lr: 0.1\n")
    tiny.write("tests/model/test_it.py", "def test_a(): pass")
    run("tests/model").assert_outcomes(passed=1)


def test_a_broken_params_yaml_is_a_usage_error(run: Any, tiny: Any) -> None:
    text = (tiny.root / "params.yaml").read_text().replace("metric: auc", "metric: acu")
    tiny.write("params.yaml", text)
    result = run("tests/model")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*params.yaml*metric*"])


def test_import_brings_nothing_heavy() -> None:
    code = (
        "import sys, assay.gate.pytest_run.plugin as p\n"
        "heavy = {'pandas', 'numpy', 'sklearn', 'pydantic', 'ruamel', 'pyarrow', 'rich'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    home = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_without_readable_params_is_nobodys(tmp_path: Path) -> None:
    assert not is_assay_project(tmp_path)
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe\x00")
    assert not is_assay_project(tmp_path)
    assert find_project(tmp_path) is None
    (tmp_path / "params.yaml").write_text("theirs: 1\n", encoding="utf-8")
    assert not is_assay_project(tmp_path)


FINDING = Finding(rule="ranks", kind="rule", outcome=Outcome.FAIL, detail="too low")


def shown(request: pytest.FixtureRequest, error: Exception) -> str:
    known = PytestFinding(FINDING, format_finding(FINDING, FINDING.statement))
    item = PolicyItem.of(request.node.parent, "ranks", "rule", known)
    try:
        raise error
    except Exception:
        return str(item.repr_failure(pytest.ExceptionInfo.from_current()))


def test_a_bug_in_a_rule_shows_where_it_is(request: pytest.FixtureRequest) -> None:
    told = shown(request, ZeroDivisionError("by nothing"))
    assert "ZeroDivisionError: by nothing" in told
    assert "test_plugin.py" in told


def test_a_rule_that_did_not_pass_shows_its_sentence(request: pytest.FixtureRequest) -> None:
    told = shown(request, NotPassed(format_finding(FINDING, FINDING.statement)))
    assert "too low" in told
    assert "Traceback" not in told and "test_plugin.py" not in told
