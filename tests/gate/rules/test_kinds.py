"""A kind of rule of the project's own: its evidence, its keys, and what it does wrong."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.contract.loader import load_contract
from assay.errors import GateNotPassed, ParamsError, PluginError, ProjectUnready
from assay.gate import provenance, stage, verdict_command
from assay.gate.rules import kinds
from assay.init.project_check import command as project_check
from assay.project import digests, layout, params, source_code
from assay.reports.verdict import Outcome, Verdict
from tests import projects

FILE = "data/calls.py"
CODE = '''\
"""Dispatch can call so many customers a day."""

from assay.testing import Outcome, Rule


class FewCalls(Rule):
    most: float
    column: str = "depot"

    reads = ("evaluation", "leakage")

    def judge(self, inputs, gate):
        calls = float(inputs.evaluation.selected)
        outcome = Outcome.PASS if calls <= self.most else Outcome.FAIL
        told = f"{calls:.0f} calls, and {self.most:.0f} can be made"
        facts = {"metric": "calls", "observed": calls, "limit": self.most, "direction": "max"}
        return (self.finding(outcome, told, **facts),)

    def missed(self):
        return "Ask dispatch for another pair of hands."

    def faults(self, params, contract, task):
        if self.column not in contract.columns:
            yield f"params.yaml: {self.place}: column: there is no '{self.column}'"

    def settings(self, gate, own):
        yield "each call takes four minutes"
'''
RULE = "name: calls, kind: data.calls.FewCalls, most: 100"


@pytest.fixture
def asked(tiny: Any) -> Any:
    """A project whose policy has a rule of its own kind; 120 calls come to be made."""
    tiny.write(FILE, CODE)
    tiny.policy("name: ranks, metric: auc, min: 0.7", RULE)
    tiny.reports()
    return tiny


def test_the_page_and_explain_show_it_and_it_is_decided_again_from_the_code_that_is_here(
    asked: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GateNotPassed):
        stage.run(asked.root, asked.params)
    (finding,) = [each for each in Verdict.read(asked.root).findings if each.rule == "calls"]
    assert finding.fix == "Ask dispatch for another pair of hands."
    for page in (layout.GATE_PAGE, f"{layout.GATE_REPORT}/verdict.md"):
        assert "120 calls, and 100 can be made" in (asked.root / page).read_text()
    assert main(["gate", "explain", "calls", "--root", str(asked.root)]) == 0
    assert "each call takes four minutes" in capsys.readouterr().out
    verdict = verdict_command.read_verdict(asked.root)
    assert verdict_command.find_differences(asked.root, asked.params, verdict) == ()
    asked.write(FILE, CODE.replace("selected)", "rows)"))
    wrong = verdict_command.find_differences(asked.root, asked.params, verdict)
    assert any("code" in each for each in wrong) and any("'calls'" in each for each in wrong)


def test_its_code_and_the_reports_that_it_reads_are_evidence(asked: Any) -> None:
    files = digests.project_imports(source_code.file_reader(asked.root), asked.params, ())
    assert FILE in files
    before = provenance.InputDigests(**{**asked.about(), "policy": "", "code": "", "reports": ""})
    asked.leakage(data="sha256:other")
    told = provenance.mismatch_findings(
        stage.GateInputs.of(asked.root), asked.params, before, before
    )
    assert any("leakage report is about another data" in each.detail for each in told)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (CODE, "column: there is no 'depo'"),
        (
            CODE.replace("if self.column not in", "if self.column(0) not in"),
            "data.calls.FewCalls.faults failed with TypeError: 'str' object is not callable, "
            "data/calls.py:23",
        ),
    ],
)
def test_assay_check_asks_it(tmp_path: Path, code: str, line: str) -> None:
    root = tmp_path / "parcels"
    shutil.copytree(projects.PARCELS, root)
    (root / FILE).write_text(code)
    policy = root / layout.PARAMS
    text = policy.read_text()
    rule = f"    - {{{RULE}, column: depo, owner: us, because: it must}}\n  behaviour:\n"
    policy.write_text(text.replace("  behaviour:\n", rule))
    with pytest.raises(ProjectUnready) as caught:
        project_check.run(root)
    assert f"params.yaml: gate.rules 'calls': {line}" in caught.value.lines()


@pytest.mark.parametrize(
    ("rule", "key", "hint"),
    [
        (RULE.replace("most", "mots"), "mots", "did you mean 'most'?"),
        (f"{RULE}, reads: leakage", "reads", ""),
    ],
)
def test_its_keys_are_strict(asked: Any, rule: str, key: str, hint: str) -> None:
    asked.policy(rule)
    with pytest.raises(ParamsError) as caught:
        kinds.read_policy(asked.params, asked.root)
    lines = [line for line in caught.value.lines() if f"gate.rules[0].{key}: unknown key" in line]
    assert len(lines) == 1 and lines[0].startswith("params.yaml:") and hint in lines[0]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (CODE, "data.calls.ManyCalls"),
        (CODE.replace("(Rule)", ""), "data.calls.FewCalls"),
        ("FewCalls = 1\n", "data.calls.FewCalls"),
        (CODE.replace("def judge", "def decide"), "data.calls.FewCalls"),
    ],
)
def test_what_is_no_kind_is_an_error_that_names_the_rule(asked: Any, code: str, kind: str) -> None:
    asked.write(FILE, code)
    asked.policy(RULE.replace("data.calls.FewCalls", kind))
    with pytest.raises(PluginError) as caught:
        kinds.read_policy(asked.params, asked.root)
    assert "gate.rules 'calls': kind" in caught.value.line()


@pytest.mark.parametrize(
    "judge",
    [
        "raise RuntimeError('no')",
        "return ()",
        "return None",
        "return 'PASS'",
        "return (self.finding(Outcome.PASS, 'yes').model_copy(update={'rule': 'ranks'}),)",
        "return (self.finding(Outcome.FAIL, 'no').model_copy(update={'severity': 'warn'}),)",
        "return (self.finding(Outcome.INCONCLUSIVE, 'o').model_copy(update={'tolerated': True}),)",
    ],
)
def test_an_answer_that_is_none_is_a_fail(asked: Any, judge: str) -> None:
    asked.write(
        FILE, CODE.replace("        calls = float", f"        {judge}\n        calls = float")
    )
    rule = kinds.read_policy(asked.params, asked.root).rules[1]
    (found,) = kinds.evaluate_rule(rule, stage.GateInputs.of(asked.root), asked.params.gate)
    assert found.outcome is Outcome.FAIL and found.blocks
    assert found.rule == "calls" and "data.calls.FewCalls" in found.detail


def test_advice_that_fails_does_not_end_the_gate(asked: Any) -> None:
    asked.write(
        FILE, CODE.replace('return "Ask', 'raise RuntimeError("Ask').replace('hands."', 'hands.")')
    )
    rule = kinds.read_policy(asked.params, asked.root).rules[1]
    (found,) = kinds.evaluate_rule(rule, stage.GateInputs.of(asked.root), asked.params.gate)
    assert found.outcome is Outcome.FAIL and "data.calls.FewCalls" in found.detail


def test_before_a_training_only_assays_own_kinds_are_asked(asked: Any) -> None:
    (asked.root / FILE).unlink()
    contract = load_contract(projects.PARCELS / "data/contract.py", "data/contract.py")
    kinds.refuse_early(asked.params, contract)
    asked.policy(RULE, "name: fair, kind: fairness, of: auc, across: moon, max_difference: 0.1")
    with pytest.raises(ParamsError):
        kinds.refuse_early(asked.params, contract)
    assert params.load(asked.root).gate.functions == ("data.calls.FewCalls",)
