"""Rules of kind ``own``: what they are given, and what of their answers does not count."""

from __future__ import annotations

from typing import Any

import pytest

from assay.errors import DataError
from assay.gate.inputs import GateInputs
from assay.gate.rules.kinds import evaluate_rule
from assay.project import layout
from assay.reports.verdict import Finding, Outcome
from tests.gate import build

CODE = """
import sys
from own.limits import MOST

def yes(evaluation, most=MOST):
    return ("PASS" if evaluation["rows"] <= most else "FAIL"), f"{evaluation['rows']}\\n rows"

def unsure(evaluation):
    return "INCONCLUSIVE", "too early to tell"

def lower(evaluation): return "pass", "why"
def bare(evaluation): return True
def silent(evaluation): return "PASS", " "
def fails(evaluation): return {}["x"], "why"
def ends(evaluation): sys.exit(0)
def no_report(most): return "PASS", "why"
def other(evaluation, champion): return "PASS", "why"
def wants_leakage(leakage): return "PASS", "why"
rule = 3
"""
FILES = {"own/rules.py": CODE, "own/limits.py": "MOST = 1000\n"}


def decide(name: str, **args: Any) -> Finding:
    def source(path: str, stage: str) -> str:
        if path == layout.EVALUATION:
            return build.evaluation(build.share(80, 100)).text()
        if path in FILES:
            return FILES[path]
        raise DataError("no such file", where=path)

    rule = build.rule("mine", kind="own", function=f"own.rules.{name}", args=args)
    (found,) = evaluate_rule(rule, GateInputs(source), build.gate())
    return found


def test_it_decides_from_the_report_and_its_arguments() -> None:
    found = decide("yes")
    assert (found.outcome, found.detail) == (Outcome.PASS, "1000 rows")
    assert decide("yes", most=999).outcome is Outcome.FAIL
    assert decide("unsure").outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("lower", {}, "one of FAIL, INCONCLUSIVE, PASS, and why, not ('pass', 'why')"),
        ("bare", {}, "not True"),
        ("silent", {}, "gives no reason for its PASS"),
        ("fails", {}, "failed with KeyError: 'x', own/rules.py:"),
        ("ends", {}, "failed with SystemExit"),
        ("no_report", {"most": 1}, "asks for no report"),
        ("other", {}, "asks for 'champion', which it cannot get"),
        ("yes", {"least": 1}, "args: the function takes no 'least'"),
        ("yes", {"mots": 1}, "Did you mean 'most'?"),
        ("wants_leakage", {}, "no such file"),
        ("rule", {}, "no function"),
        ("yess", {}, "Did you mean 'yes'?"),
    ],
)
def test_anything_else_is_a_fail_in_one_line(name: str, args: dict[str, Any], words: str) -> None:
    found = decide(name, **args)
    assert found.outcome is Outcome.FAIL and found.blocks
    assert words in found.detail and "\n" not in found.detail


def test_a_key_that_a_report_lacks_is_answered_with_those_that_it_has() -> None:
    told = decide("fails").fix
    assert told is not None and told.startswith("Evaluation has task, unit, ")
    assert " metrics, " in told
    assert decide("ends").fix is None


def test_the_code_comes_from_where_the_reports_do() -> None:
    """As promotion and backtest read both at a commit, whatever lies in the work tree."""
    other = GateInputs(lambda path, stage: "{}", own_code=FILES.get)
    assert other.own_code("own/limits.py") == "MOST = 1000\n"
    assert GateInputs(lambda path, stage: f"# {path}").own_code("own/x.py") == "# own/x.py"
