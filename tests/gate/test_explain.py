"""``assay gate explain``: every step from the policy to the outcome, and the same as the gate."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.cli.show.explanation import lines, list_lines
from assay.errors import UsageError
from assay.gate.explain import ExplainedRule, RuleList, run
from assay.gate.pytest_run import decided
from assay.metrics.estimate import Estimate
from assay.project import layout
from assay.reports.verdict import Finding, Outcome, Waiver
from tests.gate import build
from tests.verdicts import verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def finding(outcome: Outcome = PASS, **changes: Any) -> Finding:
    given = {"rule": "ranks", "kind": "rule", "outcome": outcome, "detail": "so it is", **changes}
    return Finding.model_validate(given)


def told(rule: Any, *found: Finding, **policy: Any) -> list[str]:
    return list(lines(ExplainedRule(rule, found, build.gate(**policy), own_metrics={})))


def said(tiny: Any, name: str) -> list[str]:
    return list(lines(run(tiny.root, tiny.params, name)))


def test_a_limit_is_explained(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    name = "ranks late ones first"
    assert main(["gate", "explain", name, "--root", str(tiny.root)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ranks late ones first (limit)",
        "  asked by us, because it must",
        "  decided from reports/evaluate/evaluation.json",
        "",
        "PASS  all rows",
        "  auc 0.8, interval 0.75 to 0.85",
        "  limit: at least 0.7",
        "  over 600 rows",
        "  so: auc 0.8, 95% interval 0.75 to 0.85, meets the limit of at least 0.7",
    ]
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


def test_a_slice_rule_is_explained_place_by_place(tiny: Any) -> None:
    out = "\n".join(said(tiny, "no place is left behind"))
    assert "  all slices must pass; a FAIL stands after holm over the slices\n" in out
    assert "\n\nPASS  place=east\n" in out
    assert "\n\nPASS  place=west\n" in out


def test_a_change_is_explained(tiny: Any) -> None:
    tiny.policy("name: no worse, kind: change, metric: auc, margin: 0.02")
    tiny.comparison(build.comparison(build.difference(-0.01)))
    assert said(tiny, "no worse") == [
        "no worse (change)",
        "  asked by us, because it must",
        "  decided from reports/compare/comparison.json",
        "  the challenger has to be no worse by more than 0.02, where better is higher",
        "",
        "INCONCLUSIVE  all rows",
        "  champion 0.8, challenger 0.79 on the same 1,000 rows",
        "  auc -0.01, interval -0.0295996 to 0.00959964 by DeLong",
        "  limit: at least -0.02",
        "  over 1,000 rows",
        "  about 7,800 rows would tell",
        "  so: the change of auc is -0.01, 95% interval -0.0296 to 0.0096, which cannot be told"
        " from the limit of at least -0.02: the holdout of 1,000 rows cannot see a drop under"
        " 0.028; about 7,800 rows would tell",
        "  next: Let the window holdout in params.yaml have so many, or ask for less in"
        " gate.rules.",
    ]


@pytest.mark.parametrize(
    ("values", "policy", "sentence"),
    [
        ({"kind": "limit", "metric": "auc", "min": 0.5}, {}, None),
        ({"kind": "limit", "metric": "auc", "min": 0.5}, {"correction": "none"}, None),
        (
            {"kind": "limit", "metric": "auc", "min": 0.5, "slice": "origin"},
            {"correction": "none"},
            "no correction for there being several slices",
        ),
        (
            {"kind": "limit", "metric": "auc", "min": 0.5, "slice": "origin"},
            {"correction": "benjamini-hochberg"},
            "all slices must pass; a FAIL stands after benjamini-hochberg over the slices",
        ),
        (
            {"kind": "fairness", "of": "auc", "across": "origin", "max_difference": 0.1},
            {},
            "all pairs of groups must pass; a FAIL stands after holm over the pairs of groups",
        ),
        (
            {"kind": "fairness", "of": "auc", "across": "origin", "max_difference": 0.1},
            {"correction": "none"},
            "no correction for there being several pairs of groups",
        ),
        ({"kind": "parity"}, {}, None),
    ],
)
def test_the_correction_is_stated_where_there_is_one(
    values: dict[str, Any], policy: dict[str, Any], sentence: str | None
) -> None:
    found = told(build.rule(**values), **policy)
    assert found[3:] == ([] if sentence is None else [f"  {sentence}"])


@pytest.mark.parametrize(
    ("values", "file"),
    [
        ({"kind": "limit", "metric": "auc", "min": 0.5}, layout.EVALUATION),
        ({"kind": "stability", "max_flipped": 0.1}, layout.COMPARISON),
        ({"kind": "parity"}, layout.REHEARSAL),
        ({"kind": "contract", "max_bad_share": 0.0}, layout.CONTRACT_RESULT),
        ({"kind": "leakage"}, layout.LEAKAGE),
    ],
)
def test_the_file_behind_it_is_named(values: dict[str, Any], file: str) -> None:
    assert f"  decided from {file}" in told(build.rule(**values))


def test_what_does_not_decide_is_said_first() -> None:
    rule = build.rule(metric="auc", min=0.5, severity="warn", inconclusive="pass")
    assert told(rule)[3:] == [
        "  it warns: whatever it finds does not decide",
        "  INCONCLUSIVE is let pass, by this rule's name",
    ]


def test_each_finding_says_how_it_stands() -> None:
    rule = build.rule(metric="auc", min=0.5)
    waiver = Waiver(because="a fix is coming", owner="ops", until="2020-05-31")
    found = told(
        rule,
        finding(FAIL, waiver=waiver),
        finding(INCONCLUSIVE, slice="o=a", units_needed=1234),
        finding(PASS, units_needed=1234),
    )
    assert found[3:] == [
        "",
        "FAIL (waived until 2020-05-31)  all rows",
        "  so: so it is",
        "  waived until 2020-05-31 by ops: a fix is coming",
        "",
        "INCONCLUSIVE  o=a",
        "  about 1,200 rows would tell",
        "  so: so it is",
        "",
        "PASS  all rows",
        "  so: so it is",
    ]


def test_numbers_are_given_as_far_as_they_are_there() -> None:
    rule = build.rule(metric="auc", min=0.5)
    assert told(rule, finding(observed=0.5))[5:] == ["  value 0.5", "  so: so it is"]
    assert told(rule, finding(observed=0.5, metric="auc", method="m"))[5] == "  auc 0.5 by m"
    assert told(rule, finding(observed=0.5, low=0.4))[5] == "  value 0.5"
    assert told(rule, finding(observed=0.5, high=0.6))[5] == "  value 0.5"
    assert told(rule, finding(limit=0.5, direction="max"))[5] == "  limit: at most 0.5"
    assert told(rule, finding(limit=0.5))[5:] == ["  so: so it is"]
    assert told(rule, finding(champion=0.5, challenger=0.25, rows=7))[5] == (
        "  champion 0.5, challenger 0.25 on the same 7 rows"
    )
    assert told(rule, finding(champion=0.5, challenger=0.25))[5].endswith("the same 0 rows")
    assert told(rule, finding(champion=0.5))[5:] == ["  so: so it is"]
    assert told(rule, finding(challenger=0.5))[5:] == ["  so: so it is"]


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
    assert capsys.readouterr().out.splitlines() == [
        "rain helps nobody (behaviour)",
        "  asked by us, because it is dry inside",
        "  as recorded in reports/gate/verdict.json",
        "",
        "FAIL",
        "  share of rows that fail 0.5",
        "  limit: at most 0",
        "  so: so it is",
        "  next: Take rain out.",
    ]
    assert main(["gate", "explain", TEST, "--json", *root]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["name"], tree["kind"], tree["from"]) == (TEST, "test", layout.VERDICT)
    assert [each["detail"] for each in tree["findings"]] == ["passed"]


def test_what_is_recorded_is_listed_too(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    judged(tiny)
    root = ["--root", str(tiny.root)]
    assert main(["gate", "explain", *root]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "FAIL  rain helps nobody (behaviour)",
        f"PASS  {TEST} (model test)",
        "How one came about: assay gate explain 'rain helps nobody'",
    ]
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
    assert capsys.readouterr().out.splitlines() == [
        "PASS            ranks (limit)",
        "FAIL            it's fair to all (limit, the worst of 2 slices)",
        "FAIL (warning)  calm (stability)",
        """How one came about: assay gate explain 'it'"'"'s fair to all'""",
    ]
    assert main([*asked, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["rules"]
    assert listed[1] == {
        "rule": "it's fair to all",
        "kind": "limit",
        "outcome": "FAIL",
        "decides": True,
        "findings": 2,
    }


def test_a_policy_without_rules_is_said_to_be_one() -> None:
    assert list(list_lines(RuleList(()))) == ["params.yaml has no gate.rules"]


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
    heads, west, east = out.splitlines()[5:8]
    assert heads.split() == ["group", "rows", "selection", "rate", "auc"]
    assert west.startswith("origin=west   450") and "0.8" in west.rpartition(")")[0]
    assert east.startswith("origin=east   150") and "hat" not in out
    # What one row says is about one person.
    assert "origin=alone" not in out.partition("INCONCLUSIVE")[0]
    assert "1 group of fewer than 10 rows not shown" in out
    assert main(["gate", "explain", "fair", "--json", "--root", str(tiny.root)]) == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert [each["value"] for each in groups] == ["west", "east"]
