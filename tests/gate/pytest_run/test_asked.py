"""Behaviours asked of a model that is a line of code: findings, items and champions."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import BundleError, BundleMissing, StageInputMissing
from assay.gate import waivers
from assay.gate.behaviour.subject import ModelUnderTest
from assay.gate.behaviour.trial import BehaviourResult, FailedExample
from assay.gate.pytest_run import decided, record
from assay.gate.pytest_run.decided import (
    BehaviourEvaluator,
    PytestFinding,
    ScoreFunction,
    load_champion,
)
from assay.gate.pytest_run.plugin import PolicyItem
from assay.model import bundle
from assay.project import layout
from assay.reports.champion import StageHolder
from assay.reports.verdict import Finding, Outcome

PASS, FAIL = Outcome.PASS, Outcome.FAIL
FRAME = pd.DataFrame({"x": np.linspace(0.0, 0.5, 100), "y": np.arange(100.0)})
STILL = "{name: y does not matter, check: invariance, change: {column: y, add: 1}, within: 0.01"
MOVES = "{name: x does not matter, check: invariance, change: {column: x, add: 0.1}, within: 0.01"
OURS = "owner: ops, because: so it is}"
WAIVER = '[{rule: x does not matter, because: so, owner: us, until: "2999-01-01"}]'
TOLD = "100 of 100 rows move by more than 0.01 (the worst by 0.1, 0 of them may)"


def subject() -> ModelUnderTest:
    """Scores are the column x."""
    return ModelUnderTest(
        score=lambda frame: frame["x"].to_numpy(dtype=float),
        task="binary",
        numeric=("x", "y"),
        nullable=("x", "y"),
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tiny: Any) -> Any:
    """Behaviours in the tiny project's params.yaml, asked of that model."""
    monkeypatch.setattr(BehaviourEvaluator, "subject", property(lambda self: subject()))
    monkeypatch.setattr(BehaviourEvaluator, "holdout", property(lambda self: FRAME))

    def go(*specs: str, **others: str) -> dict[str, PytestFinding]:
        listed = ", ".join(f"{spec}, {OURS}" for spec in specs)
        tiny.policy(behaviour=f"[{listed}]", **others)
        one = BehaviourEvaluator(tiny.root, tiny.params)
        return {spec.name: one.evaluate(spec) for spec in tiny.params.gate.behaviour}

    return go


def test_one_that_holds(asked: Any) -> None:
    decided = asked(STILL)["y does not matter"]
    found, told = decided.finding, decided.told
    assert (found.outcome, found.kind, found.blocks) == (PASS, "behaviour", False)
    assert (found.observed, found.limit, found.direction, found.rows) == (0.0, 0.0, "max", 100)
    assert found.metric == "share of rows that fail"
    assert (found.owner, found.because, found.severity) == ("ops", "so it is", "block")
    assert found.slice is None
    assert told.splitlines()[0].startswith("PASS: ")
    assert told.splitlines()[-2:] == ["because: so it is", "owner: ops"]
    assert found.detail in told


def test_one_that_does_not(asked: Any) -> None:
    decided = asked(f"{MOVES}, max_failed: 0.25, severity: warn")["x does not matter"]
    found, told = decided.finding, decided.told
    assert (found.outcome, found.observed, found.limit) == (FAIL, 1.0, 0.25)
    assert (found.severity, found.blocks) == ("warn", False)
    assert found.detail.startswith("100 of 100 rows move by more than 0.01 (the worst by 0.1, ")
    assert "; such as row " in found.detail
    assert told.startswith("FAIL: 100 of 100 rows move")
    assert len(told.splitlines()) > 5  # the rows are shown


def test_what_cannot_be_asked_fails(asked: Any) -> None:
    decided = asked(STILL.replace("column: y", "column: z"))["y does not matter"]
    found, told = decided.finding, decided.told
    assert (found.outcome, found.blocks, found.kind) == (FAIL, True, "behaviour")
    assert (found.observed, found.rows, found.metric) == (None, None, None)
    assert "z" in found.detail
    assert told.splitlines() == [f"FAIL: {found.detail}", "because: so it is", "owner: ops"]


def test_a_waiver_covers_it(asked: Any) -> None:
    found = asked(MOVES, waivers=WAIVER)["x does not matter"].finding
    assert (found.outcome, found.blocks) == (FAIL, False)
    assert found.waiver is not None and found.waiver.until == "2999-01-01"
    assert waivers.today() < date(2999, 1, 1)
    found = asked(f"{MOVES.replace('column: x', 'column: z')}", waivers=WAIVER)[
        "x does not matter"
    ].finding
    assert not found.blocks
    found = asked(MOVES, waivers=WAIVER.replace("2999", "1999"))["x does not matter"].finding
    assert found.blocks


def test_all_come_in_their_order(asked: Any, tiny: Any) -> None:
    asked(STILL, MOVES)
    found = decided.evaluate_behaviours(tiny.root, tiny.params)
    assert [(each.finding.rule, each.finding.outcome) for each in found] == [
        ("y does not matter", PASS),
        ("x does not matter", FAIL),
    ]
    tiny.policy()
    assert decided.evaluate_behaviours(tiny.root, tiny.params) == ()


def test_they_are_drawn_with_the_projects_seed(
    asked: Any, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import assay.gate.behaviour.checks

    seen = []

    def run(
        spec: Any, asked_of: ModelUnderTest, holdout: pd.DataFrame, seed: int
    ) -> BehaviourResult:
        seen.append((spec.name, asked_of.numeric, len(holdout), seed))
        return BehaviourResult(
            10, 1, 0.05, "1 of 10 rows fail", (FailedExample(3, {}, (), "0.1", "0.2"),)
        )

    monkeypatch.setattr(assay.gate.behaviour.checks, "run", run)
    found = asked(f"{STILL}, max_failed: 0.05")["y does not matter"].finding
    assert seen == [("y does not matter", ("x", "y"), 100, 1)]
    assert (found.outcome, found.observed, found.rows) == (FAIL, 0.1, 10)
    assert found.detail == "1 of 10 rows fail; such as row 3: score 0.1 -> 0.2"


def test_without_a_model_each_fails_with_the_reason(tiny: Any) -> None:
    tiny.policy(behaviour=f"[{STILL}, {OURS}]")
    tiny.write(layout.HOLDOUT_TABLE, "no parquet")
    found = decided.evaluate_behaviours(tiny.root, tiny.params)[0].finding
    assert (found.outcome, found.blocks) == (FAIL, True)
    (tiny.root / layout.BUNDLE / "manifest.json").unlink()
    found = decided.evaluate_behaviours(tiny.root, tiny.params)[0].finding
    assert "there is no bundle here" in found.detail


def test_model_and_rows_are_loaded_once_as_params_yaml_allows(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.model import holdout

    text = (tiny.root / layout.PARAMS).read_text()
    tiny.write(layout.PARAMS, text + "bundle: {allow_types: [a.B]}\n")
    loads: list[Any] = []

    def load(folder: Path, **asked: Any) -> str:
        assert callable(asked.pop("code"))
        loads.append((folder, asked))
        return "the bundle"

    def scoring(root: Path, params: Any, given: Any) -> Any:
        loads.append((root, params.name, given))
        return SimpleNamespace(subject=subject())

    monkeypatch.setattr(bundle, "load", load)
    monkeypatch.setattr(decided, "make_score_function", scoring)
    monkeypatch.setattr(holdout, "read", lambda root: loads.append(root) or FRAME)
    one = BehaviourEvaluator(tiny.root, tiny.params)
    assert loads == []
    for _ in range(2):
        assert one.subject.numeric == ("x", "y")
        assert one.holdout is FRAME
    assert loads == [
        (tiny.root / layout.BUNDLE, {"expected": None, "allow_types": ("a.B",)}),
        (tiny.root, "tiny", "the bundle"),
        tiny.root,
    ]


def test_scoring_goes_through_the_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.model import batch

    monkeypatch.setattr(batch, "score_frame", lambda given, frame: (given, len(frame)))
    scoring: Any = ScoreFunction(bundle="the bundle", subject=subject())  # type: ignore[arg-type]
    assert scoring(FRAME) == ("the bundle", 100)


def test_the_contract_says_what_a_night_may_lack(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import assay.contract.loader
    import assay.gate.behaviour.subject

    def load(path: Path, name: str, root: Path) -> Any:
        assert root == tiny.root
        assert (path, name) == (tiny.root / "data/contract.py", "data/contract.py")
        return SimpleNamespace(
            fields=[
                SimpleNamespace(name="x", nullable=True),
                SimpleNamespace(name="y", nullable=False),
            ]
        )

    monkeypatch.setattr(assay.contract.loader, "load_contract", load)
    monkeypatch.setattr(
        assay.gate.behaviour.subject, "model_under_test", lambda given, nullable: (given, nullable)
    )
    made: Any = decided.make_score_function(tiny.root, tiny.params, "the bundle")  # type: ignore[arg-type]
    assert (made.bundle, made.subject) == ("the bundle", ("the bundle", ["x"]))


def leave_champion(tiny: Any, **facts: Any) -> None:
    held = StageHolder(stage="prod", **facts)
    held.write(tiny.root)


def test_no_champion_has_a_reason(tiny: Any) -> None:
    leave_champion(tiny, state="none", why="nobody was promoted")
    assert load_champion(tiny.root, tiny.params) == "nobody was promoted"


def test_an_unreadable_champion_is_an_error(tiny: Any) -> None:
    with pytest.raises(StageInputMissing, match="champion has not run"):
        load_champion(tiny.root, tiny.params)
    leave_champion(tiny, state="unreadable", version="v1.0.0", why="it is gone")
    with pytest.raises(BundleError) as caught:
        load_champion(tiny.root, tiny.params)
    assert caught.value.line() == (
        "models/champion: the champion cannot be read (found it is gone)"
    )


def test_a_champion_is_loaded_by_its_digest(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_champion(
        tiny, state="found", version="v1.0.0", commit="c0ffee", bundle="sha256:" + "a" * 64
    )
    with pytest.raises(BundleMissing):
        load_champion(tiny.root, tiny.params)
    monkeypatch.setattr(bundle, "load", lambda folder, **asked: (folder, asked))
    found: Any = load_champion(tiny.root, tiny.params)
    assert callable(found[1].pop("code"))
    assert found == (
        tiny.root / layout.CHAMPION_BUNDLE,
        {"expected": "sha256:" + "a" * 64, "allow_types": ()},
    )


@pytest.fixture
def go(asked: Any, run: Any) -> Any:
    """Pytest in the tiny project with these behaviours."""

    def called(*arguments: str, specs: tuple[str, ...], **others: str) -> pytest.RunResult:
        asked(*specs, **others)
        return run(*arguments)  # type: ignore[no-any-return]

    return called


def test_they_are_items_after_the_rules(go: Any) -> None:
    result = go("--collect-only", "-q", "params.yaml", specs=(STILL, MOVES))
    lines = [line for line in result.outlines if line.startswith("params.yaml::")]
    assert [line.partition("::")[2] for line in lines[-2:]] == [
        "y does not matter",
        "x does not matter",
    ]


def test_items_pass_fail_and_show_their_rows(go: Any) -> None:
    result = go("params.yaml", specs=(STILL, MOVES))
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        ["*behaviour: x does not matter*", "FAIL: 100 of 100 rows move*", "owner: ops"]
    )
    result.stdout.no_fnmatch_line("*NotPassed(*")
    result.stdout.no_fnmatch_line("*Traceback*")


def test_the_gate_is_told_that_each_ran(go: Any, tiny: Any) -> None:
    go("params.yaml", "--assay-findings=seen.json", specs=(STILL, MOVES))
    found = record.read_record(tiny.root / "seen.json")
    nodes = [f"params.yaml::{name}" for name in ("y does not matter", "x does not matter")]
    assert found.policy[-2:] == nodes
    assert [found.outcomes[node] for node in nodes] == ["passed", "failed"]


def test_what_the_gate_decided_is_shown_and_not_decided_again(go: Any, tiny: Any) -> None:
    finding = Finding(rule="mine", kind="behaviour", outcome=FAIL, detail="too far", owner="ops")
    decided.write_findings(
        tiny.root / "decided.json", [PytestFinding(finding, "FAIL: row 3 is too far")]
    )
    result = go("params.yaml", "--assay-decided=decided.json", specs=(STILL,))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*behaviour: mine*", "FAIL: row 3 is too far"])


@pytest.mark.parametrize(
    ("spec", "others", "words"),
    [
        (f"{MOVES}, severity: warn", {}, "warning: FAIL: 100 of 100 rows move"),
        (MOVES, {"waivers": WAIVER}, "waived until 2999-01-01: FAIL: 100 of 100 rows move"),
    ],
)
def test_what_does_not_decide_stops_nobody(
    go: Any, spec: str, others: dict[str, str], words: str
) -> None:
    result = go("params.yaml", "-rx", specs=(spec,), **others)
    result.assert_outcomes(passed=3, xfailed=1)
    assert result.ret == 0
    assert any(words in line for line in result.outlines)


def test_an_error_of_our_own_reads_as_one(go: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = PolicyItem.runtest

    def broken(self: PolicyItem) -> None:
        if self.kind == "behaviour":
            raise KeyError("surprise")
        run(self)

    specs = (STILL,)
    monkeypatch.setattr(PolicyItem, "runtest", broken)
    result = go("params.yaml", specs=specs)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*KeyError: 'surprise'*"])
