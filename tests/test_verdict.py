from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PromotionRefused
from pipeline.verdict import Finding, Outcome, Verdict, combine

ORDER = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


def finding(outcome: Outcome, rule: str = "ranks") -> Finding:
    return Finding(rule=rule, kind="rule", outcome=outcome, detail="auc 0.7 meets the limit")


def verdict(*findings: Finding) -> Verdict:
    return Verdict(
        outcome=combine(findings),
        name="late-flights",
        candidate="boosting",
        bundle="sha256:b",
        data="sha256:d",
        contract="sha256:c",
        policy="sha256:p",
        champion=None,
        findings=findings,
        types=("sklearn.x.Y",),
    )


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.none() | st.text(min_size=1)
findings = st.builds(
    Finding,
    rule=st.text(min_size=1),
    kind=st.sampled_from(["rule", "test"]),
    outcome=st.sampled_from(Outcome),
    detail=st.text(min_size=1),
    metric=texts,
    slice=texts,
    observed=numbers,
    low=numbers,
    high=numbers,
    limit=numbers,
    direction=st.sampled_from(["min", "max", None]),
    rows=st.none() | st.integers(min_value=0),
    owner=texts,
    because=texts,
)


def test_no_findings_is_fail() -> None:
    assert combine([]) is Outcome.FAIL


def test_all_passed_is_pass() -> None:
    assert combine([finding(Outcome.PASS)] * 3) is Outcome.PASS


@given(st.lists(findings, min_size=1), findings)
def test_another_finding_never_improves_the_outcome(some: list[Finding], more: Finding) -> None:
    assert ORDER.index(combine([*some, more])) <= ORDER.index(combine(some))


@given(st.lists(findings).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_order_does_not_matter(pair: tuple[list[Finding], list[Finding]]) -> None:
    assert combine(pair[0]) is combine(pair[1])


@given(st.lists(findings))
def test_a_verdict_survives_the_way_to_json_and_back(some: list[Finding]) -> None:
    written = verdict(*some)
    text = written.to_json()
    assert Verdict.from_json(text, "verdict.json") == written
    assert Verdict.from_json(text, "verdict.json").to_json() == text


def test_no_champion_is_stated() -> None:
    tree = json.loads(verdict(finding(Outcome.PASS)).to_json())
    assert tree["champion"] is None
    assert tree["basis"] == "no champion yet; absolute rules only"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_finding_holds_finite_numbers_only(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Finding(rule="r", kind="rule", outcome=Outcome.PASS, detail="d", observed=value)


def changed(path: list[str | int], value: object) -> str:
    tree = json.loads(verdict(finding(Outcome.FAIL)).to_json())
    node = tree
    for step in path[:-1]:
        node = node[step]
    if value is KeyError:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return json.dumps(tree)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a verdict"),
        ("[]", "no mapping"),
        ("{", "not a verdict"),
        (changed(["outcome"], "PASS"), "come to FAIL"),
        (changed(["findings"], []).replace('"FAIL"', '"PASS"'), "come to FAIL"),
        (changed(["outcome"], "pass"), "outcome is 'pass'"),
        (changed(["bundle"], KeyError), "lacks bundle"),
        (changed(["bundle"], None), "bundle is None"),
        (changed(["bundle"], "b"), "not a digest"),
        (changed(["extra"], 1), "unknown extra"),
        (changed(["schema"], 2), "schema is 2"),
        (changed(["champion"], "sha256:x"), "contradict"),
        (changed(["findings", 0, "outcome"], "OK"), "outcome is 'OK'"),
        (changed(["findings", 0, "limit"], "0.7"), "not a number"),
        (changed(["findings", 0, "limit"], float("nan")), "NaN is not a number"),
        (changed(["findings", 0, "rows"], True), "rows is True"),
        (changed(["findings", 0, "rule"], KeyError), "lacks rule"),
        (changed(["findings"], {}), "findings is no list"),
        ('{"outcome": "FAIL", "outcome": "PASS"}', "twice"),
    ],
)
def test_a_malformed_verdict_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PromotionRefused, match=reason) as caught:
        Verdict.from_json(text, "reports/gate/verdict.json")
    assert caught.value.line().startswith("reports/gate/verdict.json: ")
