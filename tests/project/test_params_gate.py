"""The policy in params.yaml: what it may hold, and how each mistake is named."""

from __future__ import annotations

import warnings
from datetime import date, timedelta
from typing import Any

import pytest

from assay.errors import ParamsError
from assay.gate.rules.kinds import Policy, read_policy
from assay.project import params
from assay.project.params.behaviour import CHAMPION_RULE, LEAKAGE_CHECKS, WaiverParams

TEXT = """\
name: tiny
seed: 1
ingest: {{source: "data.source.rows", partition_by: day}}
contract: {{file: data/contract.py}}
prepare:
  train: {{from: "2020-01-01", to: "2020-01-31"}}
  holdout: {{from: "2020-02-01", to: "2020-02-28"}}
train: {{select_by: auc, candidates: {{prior: {{class: sklearn.dummy.DummyClassifier}}}}}}
score: {{input: data/raw}}
gate:
  tests: tests/model
{more}  rules:
{rules}
"""
OURS = "owner: us, because: it must"


def parse(*rules: str, more: str = "") -> Policy:
    """The policy of these rules, each without its owner and because."""
    lines = "\n".join(f"    - {{{rule}, {OURS}}}" for rule in rules)
    text = TEXT.format(rules=lines or "    []", more=f"  {more}\n" if more else "")
    return read_policy(params.parse(text, "params.yaml"))


def mistakes(*rules: str, more: str = "") -> list[str]:
    with pytest.raises(ParamsError) as caught:
        parse(*rules, more=more)
    return caught.value.lines()


LIMIT = "name: ranks, metric: auc, min: 0.7"
CHANGE = "name: no worse, kind: change, metric: auc, margin: 0.01"
FAIR = "name: fair, kind: fairness, of: auc, across: origin, max_difference: 0.1"


def test_a_rule_on_a_metric_of_ones_own_is_dumped_without_a_warning() -> None:
    name = "data.metrics.hours_saved"
    gate = parse(f"name: saves, metric: {name}, min: 0", FAIR.replace("of: auc", f"of: {name}"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        limit, fair = (each.model_dump(mode="json") for each in gate.rules)
    assert limit["metric"] == fair["of"] == name


def test_what_is_not_said_has_a_careful_default() -> None:
    gate = parse(LIMIT, CHANGE, FAIR, "name: same, kind: parity", "name: apart, kind: leakage")
    limit, change, fair, parity, leakage = gate.rules
    assert (limit.kind, limit.decide, limit.slice, limit.min_rows) == (
        *("limit", "interval"),
        *(None, None),
    )
    for rule in gate.rules:
        assert (rule.severity, rule.inconclusive) == ("block", "block")
        assert (rule.owner, rule.because) == ("us", "it must")
    assert (change.slice, change.min_rows, change.gain) == (None, None, None)
    assert (fair.min_ratio, fair.min_rows) == (None, None)
    assert parity.tolerance == 1e-9
    assert leakage.allow == ()
    assert (gate.correction, gate.power, gate.waivers) == ("holm", 0.8, ())
    assert gate.names == ("ranks", "no worse", "fair", "same", "apart")


def test_everything_that_may_be_said() -> None:
    gate = parse(
        "name: a, kind: limit, metric: brier, max: 0.1, slice: o, min_rows: 50, decide: value",
        "name: b, kind: change, metric: auc, gain: 0.01, slice: o, severity: warn",
        "name: c, kind: fairness, of: selection_rate, across: o, min_ratio: 0.8, min_rows: 9",
        "name: d, kind: stability, max_distance: 0.1, inconclusive: pass",
        "name: e, kind: stability, max_flipped: 0.1",
        "name: f, kind: parity, tolerance: 0.0",
        "name: g, kind: cost, of: latency_ms, max: 5",
        "name: h, kind: cost, of: memory_mb, max: 500.5",
        "name: i, kind: cost, of: bundle_mb, max: 5",
        "name: j, kind: contract, max_bad_share: 0.01",
        "name: k, kind: leakage, allow: [same_key, label_shift]",
        "name: l, kind: flips, max: 0.1, slice: o, min_rows: 9, where: {o: [x, y], p: z}",
        more="correction: benjamini-hochberg\n  power: 0.9",
    )
    assert [rule.kind for rule in gate.rules] == [
        *("limit", "change", "fairness", "stability", "stability", "parity"),
        *("cost", "cost", "cost", "contract", "leakage", "flips"),
    ]
    assert (gate.correction, gate.power) == ("benjamini-hochberg", 0.9)
    assert gate.rules[10].allow == ("same_key", "label_shift")


def test_the_worst_difference_that_will_do() -> None:
    margin, gain = parse(CHANGE, "name: b, kind: change, metric: auc, gain: 0.02").rules
    assert (margin.worst, gain.worst) == (-0.01, 0.02)


def test_it_is_frozen() -> None:
    gate = parse(LIMIT)
    with pytest.raises(ValueError, match="frozen"):
        gate.rules[0].min = 0.1
    with pytest.raises(ValueError, match="frozen"):
        gate.power = 0.9


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("name: a, kind: limt, metric: auc, min: 0.7", "gate.rules[0].kind: expected one of"),
        ("name: a, kind: null, metric: auc, min: 0.7", "gate.rules[0].kind: expected text, found"),
        ("name: a, metirc: auc, metric: auc, min: 0.7", "gate.rules[0].metirc: unknown key; did"),
        ("name: a, metric: acu, min: 0.7", "found the text 'acu'; did you mean 'auc'?"),
        ("name: a, metric: auc", "gate.rules[0]: expected exactly one of min and max, found nei"),
        ("name: a, kind: flips, max: 0.1, min_rows: 5", "gate.rules[0]: expected a slice beside"),
        ("name: a, kind: flips", "gate.rules[0]: expected max, where or both, found neither"),
        ("name: a, kind: flips, where: {o: x}, slice: o", "gate.rules[0]: expected a max beside"),
        ("name: a, kind: flips, where: {}", "gate.rules[0].where: expected"),
        ("name: a, kind: flips, where: {o: []}", "gate.rules[0]: expected a value or more of o"),
        ("name: a, metric: auc, min: 0.7, max: 0.9", "gate.rules[0]: expected exactly one of min"),
        ("name: a, kind: change, metric: auc, margin: 0.1, gain: 0.1", "gate.rules[0]: expected"),
        ("name: a, kind: change, metric: auc", "gate.rules[0]: expected exactly one of margin and"),
        ("name: a, kind: fairness, of: auc, across: o", "gate.rules[0]: expected exactly one of"),
        (
            "name: a, kind: fairness, of: auc, across: o, max_difference: 0.1, min_ratio: 0.8",
            "expected exactly one of max_difference and min_ratio, found both",
        ),
        ("name: a, kind: stability", "expected exactly one of max_distance and max_flipped, found"),
        ("name: a, kind: stability, max_distance: 0.1, max_flipped: 0.1", "expected exactly one"),
        ("name: a, metric: auc, min: 0.7, min_rows: 5", "gate.rules[0]: expected a slice beside"),
        ("name: a, kind: change, metric: auc, margin: 0, min_rows: 5", "gate.rules[0]: expected a"),
        ("name: a, metric: auc, min: .nan", "gate.rules[0].min: expected a finite number"),
        ("name: a, metric: auc, min: .inf", "gate.rules[0].min: expected a finite number"),
        ("name: a, metric: auc, min: 0.7, slice: o, min_rows: 0", "gate.rules[0].min_rows:"),
        ("name: a, kind: change, metric: auc, margin: -0.1", "gate.rules[0].margin: expected a"),
        ("name: a, kind: change, metric: auc, gain: 0", "gate.rules[0].gain: expected a value"),
        ("name: a, kind: fairness, of: auc, across: o, min_ratio: 1.1", "gate.rules[0].min_ratio:"),
        ("name: a, kind: fairness, of: auc, across: o, min_ratio: 0", "gate.rules[0].min_ratio:"),
        (
            "name: a, kind: fairness, of: auc, across: o, max_difference: -1",
            "gate.rules[0].max_difference: expected a value of at least 0",
        ),
        (
            "name: a, kind: fairness, of: selection_rat, across: o, max_difference: 1",
            "did you mean 'selection_rate'?",
        ),
        ("name: a, kind: stability, max_flipped: 1.1", "gate.rules[0].max_flipped: expected a"),
        ("name: a, kind: parity, tolerance: -1", "gate.rules[0].tolerance: expected a value of at"),
        ("name: a, kind: cost, of: latency_ms, max: 0", "gate.rules[0].max: expected a value over"),
        ("name: a, kind: cost, of: latency, max: 1", "found the text 'latency'; did you mean"),
        ("name: a, kind: contract", "gate.rules[0].max_bad_share: missing; expected a number"),
        ("name: a, kind: leakage, allow: [same_kye]", "gate.rules[0].allow[0]: expected one of"),
        ("name: a, metric: auc, min: 0.7, severity: blok", "found the text 'blok'; did you mean"),
        ("name: a, metric: auc, min: 0.7, inconclusive: ignore", "gate.rules[0].inconclusive:"),
        ("name: '', metric: auc, min: 0.7", "gate.rules[0].name: expected text that is not empty"),
    ],
)
def test_a_mistake_in_a_rule_is_named(rule: str, expected: str) -> None:
    (line,) = mistakes(rule)
    assert line.startswith("params.yaml:13: gate.rules[0]")
    assert expected in line


@pytest.mark.parametrize("missing", ["owner: us", "because: it must"])
def test_every_rule_has_an_owner_and_a_reason(missing: str) -> None:
    text = TEXT.format(rules=f"    - {{{LIMIT}, {OURS}}}", more="").replace(f", {missing}", "")
    with pytest.raises(ParamsError, match=rf"\.{missing.partition(':')[0]}: missing"):
        params.parse(text.replace(f"{missing}, ", ""), "params.yaml")


def test_two_rules_of_one_name() -> None:
    (line,) = mistakes(LIMIT, CHANGE, LIMIT, CHANGE)
    assert line.endswith(
        "gate.rules: expected every rule under a name of its own, found no worse, ranks more than"
        " once"
    )


def test_a_rule_and_a_behaviour_of_one_name() -> None:
    more = (
        "behaviour: [{name: ranks, check: invariance, change: {column: x, add: 1}, within: 1,"
        " owner: us, because: so}]"
    )
    (line,) = mistakes(LIMIT, CHANGE, more=more)
    assert line.endswith(
        "expected rules and behaviours under names of their own, found ranks in both"
    )
    assert parse(CHANGE, more=more).behaviour[0].name == "ranks"


def test_a_policy_without_rules_is_none() -> None:
    text = TEXT.format(rules="    []", more="").replace("rules:\n    []", "rules: []")
    with pytest.raises(ParamsError, match=r"gate\.rules: expected at least 1 item"):
        params.parse(text, "params.yaml")
    with pytest.raises(ParamsError, match=r"gate\.rules: missing"):
        params.parse(text.replace("  rules: []\n", ""), "params.yaml")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("correction: bonferroni", "gate.correction: expected one of 'holm', 'benjamini-hochberg'"),
        ("power: 1", "gate.power: expected a value under 1"),
        ("power: 0.49", "gate.power: expected a value of at least 0.5"),
        ("powr: 0.8", "gate.powr: unknown key; did you mean 'power'?"),
    ],
)
def test_a_mistake_in_the_policy_is_named(more: str, expected: str) -> None:
    (line,) = mistakes(LIMIT, more=more)
    assert expected in line


def waived(rule: str, more: str = 'until: "2020-05-31"') -> str:
    return f'waivers: [{{rule: "{rule}", because: a fix is coming, owner: us, {more}}}]'


@pytest.mark.parametrize(
    "name", ["ranks", CHAMPION_RULE, "tests/model/test_it.py::test_holds", "no worse"]
)
def test_what_may_be_waived(name: str) -> None:
    (waiver,) = parse(LIMIT, CHANGE, more=waived(name)).waivers
    assert waiver == WaiverParams(
        rule=name,
        because="a fix is coming",
        owner="us",
        until="2020-05-31",  # type: ignore[arg-type]
    )
    assert (waiver.slice, waiver.until) == (None, date(2020, 5, 31))


def test_a_waiver_of_no_rule() -> None:
    (line,) = mistakes(LIMIT, CHANGE, more=waived("rank"))
    assert line.endswith(
        "expected waivers of rules that there are, found a waiver of 'rank'; did you mean 'ranks'?"
    )
    (line,) = mistakes(LIMIT, more=waived("zzzz"))
    assert line.endswith("found a waiver of 'zzzz'")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("until: 2020-05-31", "expected a date in quotes"),
        ('until: "soon"', 'expected a date in quotes such as "2013-06-30", found the text'),
        ('slice: ""', "slice: expected text that is not empty"),
        ("slice: origin=JFK", "until: missing"),
    ],
)
def test_a_waiver_needs_an_end(more: str, expected: str) -> None:
    assert any(expected in line for line in mistakes(LIMIT, more=waived("ranks", more)))


@pytest.mark.parametrize("gone", ["because: a fix is coming", "owner: us", 'rule: "ranks"'])
def test_a_waiver_needs_a_reason_and_an_owner(gone: str) -> None:
    text = waived("ranks").replace(f"{gone}, ", "")
    (line,) = mistakes(LIMIT, more=text)
    assert f"gate.waivers[0].{gone.partition(':')[0]}: missing" in line


def test_what_a_waiver_covers() -> None:
    def waiver(where: str | None) -> WaiverParams:
        given: dict[str, Any] = {"rule": "a", "because": "b", "owner": "o", "until": "2020-05-31"}
        return WaiverParams(**given, slice=where)

    assert waiver(None).covers("a", None)
    assert waiver(None).covers("a", "o=1")
    assert waiver("o=1").covers("a", "o=1")
    assert not waiver("o=1").covers("a", "o=2")
    assert not waiver("o=1").covers("a", None)
    assert not waiver(None).covers("b", None)


def test_a_waiver_counts_on_its_last_day() -> None:
    (waiver,) = parse(LIMIT, more=waived("ranks")).waivers
    last = date(2020, 5, 31)
    assert not waiver.expired(last - timedelta(days=1))
    assert not waiver.expired(last)
    assert waiver.expired(last + timedelta(days=1))


def test_the_checks_of_a_split_are_those_of_the_report() -> None:
    assert list(LEAKAGE_CHECKS) == [
        *("same_key", "near_duplicates", "time_overlap", "label_power", "label_sum", "label_name"),
        *("identifier", "category_shift", "label_shift", "unlabelled", "not_at_scoring"),
    ]
