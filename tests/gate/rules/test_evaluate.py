"""Each kind of rule goes to its own function and file; what is missing is FAIL with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from assay.errors import DataError, StageInputMissing
from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds as rules
from assay.project import layout
from assay.project.layout import CONTRACT_RESULT as RESULT
from assay.reports.rehearsal import SliceFlips
from assay.reports.verdict import Outcome
from tests.gate import build

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "limit": ({"metric": "auc", "min": 0.7}, layout.EVALUATION),
    "change": ({"metric": "auc", "margin": 0.1}, layout.COMPARISON),
    "fairness": (
        {"of": "selection_rate", "across": "place", "max_difference": 0.2},
        layout.EVALUATION,
    ),
    "stability": ({"max_distance": 0.1}, layout.COMPARISON),
    "reasons": ({"max": 0.1}, layout.COMPARISON),
    "parity": ({}, layout.REHEARSAL),
    "cost": ({"of": "latency_ms", "max": 5.0}, layout.REHEARSAL),
    "flips": ({"where": {"place": "JFK"}}, layout.REHEARSAL),
    "contract": ({"max_bad_share": 0.0}, RESULT),
    "leakage": ({}, layout.LEAKAGE),
}


@pytest.fixture
def compared(tiny: Any) -> Any:
    tiny.comparison(build.comparison(build.difference(0.0)))
    kept = SliceFlips(field="place", value="JFK", rows=60, flipped=0)
    rest = SliceFlips(field="place", value=None, rows=40, flipped=5)
    tiny.rehearsal(nights=build.nights(build.night(slices=(kept, rest))))
    return tiny


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_decided_from_its_own_file(compared: Any, kind: str) -> None:
    values, file = KINDS[kind]
    rule = build.rule(kind=kind, **values)
    # What leakage asks of the trained model is in two more, and flips' confidence in one.
    more = {"leakage": {layout.EVALUATION, layout.COMPARISON}, "flips": {layout.EVALUATION}}
    for name in {other for _, other in KINDS.values()} - {file} - more.get(kind, set()):
        (compared.root / name).unlink()
    found = rules.evaluate_rule(rule, GateInputs.of(compared.root), build.gate())
    assert found
    assert {(each.rule, each.kind, each.outcome) for each in found} == {("ranks", "rule", PASS)}
    (compared.root / file).unlink()
    (missing,) = rules.evaluate_rule(rule, GateInputs.of(compared.root), build.gate())
    assert (missing.outcome, missing.blocks) == (FAIL, True)
    compared.write(file, "{}")
    (malformed,) = rules.evaluate_rule(rule, GateInputs.of(compared.root), build.gate())
    assert (malformed.outcome, malformed.blocks) == (FAIL, True)


def test_all_rules_come_in_the_order_of_the_policy(compared: Any) -> None:
    policy = build.gate(
        *(build.rule(kind, kind=kind, **values) for kind, (values, _) in KINDS.items())
    )
    found = rules.evaluate_rules(GateInputs.of(compared.root), policy)
    assert list(dict.fromkeys(each.rule for each in found)) == list(KINDS)
    assert {each.outcome for each in found} == {PASS}


def test_a_rule_that_fails_leaves_the_others_alone(compared: Any) -> None:
    (compared.root / layout.EVALUATION).unlink()
    policy = build.gate(build.rule("one", metric="auc", min=0.7), build.rule("two", kind="parity"))
    found = rules.evaluate_rules(GateInputs.of(compared.root), policy)
    assert [(each.rule, each.outcome) for each in found] == [("one", FAIL), ("two", PASS)]


def test_a_file_is_read_once_and_only_when_asked_for() -> None:
    read: list[str] = []

    def source(name: str, stage: str) -> str:
        read.append(f"{stage}: {name}")
        return "{}"

    inputs = GateInputs(source)
    assert read == []
    asked = ("evaluation", "comparison", "rehearsal", "leakage", "contract")
    for name in asked:
        with pytest.raises(DataError):
            getattr(inputs, name)
    assert read == [
        f"evaluate: {layout.EVALUATION}",
        f"compare: {layout.COMPARISON}",
        f"rehearse: {layout.REHEARSAL}",
        f"leakage: {layout.LEAKAGE}",
        f"contract: {RESULT}",
    ]


def test_errors_name_the_file_each_time_they_are_asked_for(tiny: Any) -> None:
    for name, file in (
        ("evaluation", layout.EVALUATION),
        ("comparison", layout.COMPARISON),
        ("rehearsal", layout.REHEARSAL),
        ("leakage", layout.LEAKAGE),
        ("contract", RESULT),
    ):
        inputs = GateInputs.of(tiny.root)
        assert getattr(inputs, name) is getattr(inputs, name)
        tiny.write(file, "[]")
        with pytest.raises(DataError, match=f"^{file}: "):
            getattr(GateInputs.of(tiny.root), name)
        (tiny.root / file).unlink()
        inputs = GateInputs.of(tiny.root)
        for _ in range(2):
            with pytest.raises(StageInputMissing, match=f"^{file}: "):
                getattr(inputs, name)
