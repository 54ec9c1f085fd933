"""``assay gate explain``: every step from the policy to the outcome, and the same as the gate."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import UsageError
from assay.gate.explain import ExplainedRule, run
from assay.gate.pytest_run import decided
from assay.metrics.estimate import Estimate
from assay.project import layout
from assay.reports.verdict import Finding, Outcome, Waiver
from tests.gate import build
from tests.shown import show
from tests.verdicts import finding, verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def settings(rule: Any, **policy: Any) -> list[str]:
    return list(rule.settings(build.gate(**policy), {}))


def test_a_limit_is_explained(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    name = "ranks late ones first"
    assert main(["gate", "explain", name, "--root", str(tiny.root)]) == 0
    found = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    for pair in (
        ["from", "reports/evaluate/evaluation.json"],
        ["outcome", "PASS"],
        ["low", "0.7500"],
        ["detail", "auc 0.8, 95% interval 0.75 to 0.85, meets the limit of at least 0.7"],
    ):
        assert pair in found
    assert [each.outcome for each in run(tiny.root, tiny.params, name).findings] == [PASS]


@pytest.mark.parametrize("text", ["x", "[]", "{}"])
@pytest.mark.parametrize("rule", [[], ["ranks late ones first"]])
def test_a_verdict_that_cannot_be_read_is_warned_of(
    tiny: Any, text: str, rule: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tiny.root / layout.VERDICT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert main(["gate", "explain", *rule, "--root", str(tiny.root)]) == 0
    said = capsys.readouterr()
    assert said.err.startswith(f"assay: {layout.VERDICT}: not a verdict: ")
    assert said.err.endswith("The rules are asked anew here.\n") and "PASS" in said.out


def test_before_the_gate_has_decided_it_is_said(
    tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "explain", "--root", str(tiny.root)]) == 0
    assert "The gate has not decided" in capsys.readouterr().err


def test_of_a_name_that_there_is_not_nothing_else_is_said(
    tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "explain", "nonsense", "--root", str(tiny.root)]) == 2
    assert capsys.readouterr().err.startswith("assay: assay gate explain: there is no rule, ")


def test_a_change_is_explained(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.policy("name: no worse, kind: change, metric: auc, margin: 0.02")
    tiny.comparison(build.comparison(build.difference(-0.01)))
    show("gate explain", run(tiny.root, tiny.params, "no worse"))
    out = capsys.readouterr().out
    assert "no worse by more than 0.02, where better is higher" in out
    found = [line.split(maxsplit=1) for line in out.splitlines()]
    for pair in (["outcome", "INCONCLUSIVE"], ["champion", "0.8000"], ["challenger", "0.7900"]):
        assert pair in found
    assert "about 7,800 rows would tell" in out


def test_what_is_waived_is_said_to_decide_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    waiver = Waiver(because="a fix is coming", owner="ops", until="2020-05-31")
    found = (finding(FAIL, waiver=waiver), finding(INCONCLUSIVE, slice="o=a", units_needed=1234))
    rule = build.rule(metric="auc", min=0.5)
    show("gate explain", ExplainedRule(rule, found, build.gate(), own_metrics={}))
    out = capsys.readouterr().out
    assert "FAIL does not decide: waived until 2020-05-31\n" in out
    assert "a fix is coming" in " ".join(out.split())
    assert "o=a" in out and "1,234" in out


def test_as_json(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.policy("name: ranks, metric: auc, min: 0.9", correction="none")
    assert main(["gate", "explain", "ranks", "--json", "--root", str(tiny.root)]) == 0
    out = capsys.readouterr().out
    assert out.endswith("\n}\n")
    tree = json.loads(out)
    assert list(tree) == ["schema", "rule", "from", "correction", "findings"]
    assert (tree["schema"], tree["correction"]) == (1, "none")
    assert tree["from"] == "reports/evaluate/evaluation.json"
    assert (tree["rule"]["name"], tree["rule"]["kind"], tree["rule"]["min"]) == (
        "ranks",
        "limit",
        0.9,
    )
    assert [each["outcome"] for each in tree["findings"]] == ["FAIL"]


def test_it_says_what_the_gate_says(tiny: Any) -> None:
    until = "2999-01-01"
    tiny.evaluation(metrics={"auc": {"value": 0.5, "low": 0.45, "high": 0.55}})
    tiny.policy(
        "name: ranks, metric: auc, min: 0.7",
        "name: everywhere, metric: auc, slice: place, min: 0.6",
        waivers=f'[{{rule: ranks, because: so, owner: us, until: "{until}"}}]',
    )
    explained = [each for name in ("ranks", "everywhere") for each in findings(tiny, name)]
    assert explained == [each.finding for each in decided.evaluate_rules(tiny.root)]
    assert explained[0].waiver is not None


def findings(tiny: Any, name: str) -> tuple[Finding, ...]:
    return run(tiny.root, tiny.params, name).findings


def test_an_unknown_rule_is_a_usage_error(tiny: Any) -> None:
    with pytest.raises(UsageError) as caught:
        run(tiny.root, tiny.params, "ranks late one first")
    assert caught.value.line() == (
        "assay gate explain: there is no rule, behaviour or model test 'ranks late one first'."
        " Did you mean 'ranks late ones first'?"
    )


TEST = "tests/model/test_it.py::test_holds"


def judged(tiny: Any) -> None:
    """A verdict with a rule, a behaviour and a model test."""
    shown = finding(
        FAIL, metric="share of rows that fail", observed=0.5, limit=0.0, direction="max"
    )
    behaviour = {"rule": "rain helps nobody", "kind": "behaviour", "fix": "Take rain out."}
    found = (
        finding(rule="ranks late ones first"),
        shown.model_copy(update={**behaviour, "owner": "us", "because": "it is dry inside"}),
        finding(rule=TEST, kind="test", detail="passed"),
    )
    verdict(*found).write(tiny.root)


def test_a_behaviour_and_a_model_test_are_shown_as_recorded(
    tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    judged(tiny)
    root = ["--root", str(tiny.root)]
    assert main(["gate", "explain", "rain helps nobody", *root]) == 0
    out = capsys.readouterr().out
    for words in (layout.VERDICT, "FAIL", "so it is", "Take rain out."):
        assert words in out
    assert main(["gate", "explain", TEST, "--json", *root]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["name"], tree["kind"], tree["from"]) == (TEST, "test", layout.VERDICT)
    assert [each["detail"] for each in tree["findings"]] == ["passed"]


def test_what_is_recorded_is_listed_too(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    judged(tiny)
    root = ["--root", str(tiny.root)]
    assert main(["gate", "explain", *root]) == 0
    out = capsys.readouterr().out
    assert "rain helps nobody" in out and TEST in out
    assert out.endswith("How one came about: assay gate explain 'rain helps nobody'\n")
    assert main(["gate", "explain", "--json", *root]) == 0
    first, second = json.loads(capsys.readouterr().out)["recorded"]
    assert (first["name"], first["outcome"], first["decides"]) == (
        "rain helps nobody",
        "FAIL",
        True,
    )
    assert (second["kind"], second["findings"]) == ("test", 1)
    with pytest.raises(UsageError, match="Did you mean 'rain helps nobody'"):
        run(tiny.root, tiny.params, "rain help nobody")


def test_without_a_rule_they_are_listed(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.policy(
        "name: ranks, metric: auc, min: 0.7",
        "name: it's fair to all, metric: auc, slice: place, min: 0.8",
        "name: calm, kind: stability, max_flipped: 0.1, severity: warn",
    )
    tiny.write("reports/compare/comparison.json", "{")
    asked = ["gate", "explain", "--root", str(tiny.root)]
    assert main(asked) == 0
    _, _, _, *rules, last = capsys.readouterr().out.splitlines()
    assert [rule.split()[-3:] for rule in rules] == [
        ["PASS", "yes", "1"],
        ["FAIL", "yes", "2"],
        ["FAIL", "no", "1"],
    ]
    assert last == """How one came about: assay gate explain 'it'"'"'s fair to all'"""
    assert main([*asked, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["rules"]
    assert listed[1] == {
        "rule": "it's fair to all",
        "kind": "limit",
        "outcome": "FAIL",
        "decides": True,
        "findings": 2,
    }


def test_a_fairness_rule_shows_the_rates_of_its_groups(
    tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    few = build.place("east", None, 150, selected=30)
    most = build.place("west", Estimate(0.8, 0.75, 0.85), 450, selected=90)
    other = build.place("x", None, 900, field="hat", selected=3)
    single = build.place("alone", None, 1, selected=1)
    tiny.evaluation(slices=[each.tree() for each in (few, most, other, single)])
    tiny.policy("name: fair, kind: fairness, of: auc, across: origin, max_difference: 1")
    assert main(["gate", "explain", "fair", "--root", str(tiny.root)]) == 0
    out = capsys.readouterr().out
    west, east = (line.split() for line in out.splitlines() if line.startswith("origin"))
    assert west[:3] == ["origin", "west", "450"] and "0.8000" in west
    assert east[:3] == ["origin", "east", "150"] and "hat" not in out
    # What one row says is about one person.
    assert "alone" not in out.partition("findings")[0]
    assert main(["gate", "explain", "fair", "--json", "--root", str(tiny.root)]) == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert [each["value"] for each in groups] == ["west", "east"]
