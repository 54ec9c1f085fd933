from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import PromotionRefused
from assay.reports.verdict import Champion, Finding, ModelTests, Outcome, Waiver, combine
from assay.reports.verdict_json import dumps, loads
from tests.verdicts import verdict

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "verdict.schema.json"
PUBLISHED = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
HELD = {"state": "compared", "version": "v0.1.0", "bundle": "sha256:x"}
LOST = {"state": "unreadable", "version": "v0.1.0", "bundle": None}
COUNTED = {"collected": 1, "ran": 1, "champion": None}
WAIVER = {"because": "b", "owner": "o", "until": "2013-12-31"}
ORDER = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


def finding(outcome: Outcome, rule: str = "ranks") -> Finding:
    return Finding(rule=rule, kind="rule", outcome=outcome, detail="auc 0.7 meets the limit")


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.none() | st.text(min_size=1)
counts = st.none() | st.integers(min_value=0)
waivers = st.none() | st.builds(
    Waiver,
    because=st.text(min_size=1),
    owner=st.text(min_size=1),
    until=st.dates().map(lambda day: day.isoformat()),
)
champions = st.sampled_from(
    [
        Champion("none"),
        Champion("compared", "v0.1.0", "sha256:a"),
        Champion("unreadable", "v0.1.0"),
        Champion("features_missing", "v0.2.0", "sha256:a"),
        Champion("incomparable", "v0.2.0", "sha256:a"),
    ]
)
tests = st.none() | st.builds(
    lambda ran, more, champion: ModelTests(collected=ran + more, ran=ran, champion=champion),
    st.integers(0),
    st.integers(0),
    counts,
)
findings = st.builds(
    Finding,
    rule=st.text(min_size=1),
    kind=st.sampled_from(["rule", "behaviour", "test"]),
    outcome=st.sampled_from(Outcome),
    detail=st.text(min_size=1),
    metric=texts,
    slice=texts,
    observed=numbers,
    low=numbers,
    high=numbers,
    limit=numbers,
    direction=st.sampled_from(["min", "max", None]),
    champion=numbers,
    challenger=numbers,
    method=texts,
    rows=counts,
    unit=texts,
    units=counts,
    units_needed=counts,
    design_effect=numbers,
    severity=st.sampled_from(["block", "warn"]),
    tolerated=st.booleans(),
    waiver=waivers,
    owner=texts,
    because=texts,
)


def test_no_findings_is_fail() -> None:
    assert combine([]) is Outcome.FAIL


def test_all_passed_is_pass() -> None:
    assert combine([finding(Outcome.PASS)] * 3) is Outcome.PASS


@given(st.lists(findings), findings)
def test_another_finding_never_improves_the_outcome(some: list[Finding], more: Finding) -> None:
    decided = [finding(Outcome.PASS), *some]
    assert ORDER.index(combine([*decided, more])) <= ORDER.index(combine(decided))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"severity": "warn"}, "warning"),
        ({"tolerated": True, "outcome": Outcome.INCONCLUSIVE}, "tolerated"),
        ({"waiver": Waiver("a fix is on its way", "us", "2013-12-31")}, "waived until 2013-12-31"),
    ],
)
def test_what_does_not_decide(changes: dict[str, object], word: str) -> None:
    told = replace(finding(Outcome.FAIL), **changes)  # type: ignore[arg-type]
    assert not told.decides
    assert not told.blocks
    assert told.standing == word
    assert combine([finding(Outcome.PASS), told]) is Outcome.PASS
    # By itself it decides nothing, and what nobody decided is no PASS.
    assert combine([told]) is Outcome.FAIL


def test_tolerance_is_for_inconclusive_alone() -> None:
    told = replace(finding(Outcome.FAIL), tolerated=True)
    assert told.blocks
    assert told.standing == ""


def test_what_blocks_comes_with_fail_first() -> None:
    unsure, bad = finding(Outcome.INCONCLUSIVE, "a"), finding(Outcome.FAIL, "b")
    warned = replace(finding(Outcome.FAIL, "c"), severity="warn")
    assert verdict(unsure, warned, bad, finding(Outcome.PASS)).blocking == (bad, unsure)


@given(st.lists(findings).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_order_does_not_matter(pair: tuple[list[Finding], list[Finding]]) -> None:
    assert combine(pair[0]) is combine(pair[1])


@settings(deadline=None)
@given(st.lists(findings), champions, tests)
def test_a_verdict_survives_the_way_to_json_and_back(
    some: list[Finding], champion: Champion, counted: ModelTests | None
) -> None:
    written = replace(verdict(*some, champion=champion, types=("sklearn.x.Y",)), tests=counted)
    text = dumps(written)
    assert loads(text, "verdict.json") == written
    assert dumps(loads(text, "verdict.json")) == text
    PUBLISHED.validate(json.loads(text))


def test_a_verdict_that_names_no_reports_is_read() -> None:
    given = replace(verdict(finding(Outcome.PASS)), reports=None)
    text = dumps(given)
    PUBLISHED.validate(json.loads(text))
    assert json.loads(text)["reports"] is None
    assert loads(text, "v") == given


def test_a_finding_may_be_about_no_rows() -> None:
    empty = replace(finding(Outcome.FAIL), rows=0, units=0, units_needed=0)
    assert loads(dumps(verdict(empty)), "verdict.json").findings == (empty,)


def test_the_published_schema_is_strict() -> None:
    tree = json.loads(dumps(verdict(finding(Outcome.PASS))))
    for place in (tree, tree["findings"][0], tree["champion"]):
        place["extra"] = 1
        with pytest.raises(jsonschema.ValidationError, match="extra"):
            PUBLISHED.validate(tree)
        del place["extra"]


def test_the_champion_is_stated() -> None:
    tree = json.loads(dumps(verdict(finding(Outcome.PASS))))
    assert tree["champion"] == {"state": "none", "version": None, "bundle": None}
    assert tree["basis"] == "no champion yet; absolute rules only"
    held = Champion("compared", "v0.1.0", "sha256:" + 64 * "a")
    tree = json.loads(dumps(verdict(finding(Outcome.PASS), champion=held)))
    assert tree["basis"] == "champion, v0.1.0 (sha256:aaaaaaaaaaaa)"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_finding_holds_finite_numbers_only(value: float) -> None:
    for name in ("observed", "design_effect"):
        with pytest.raises(ValueError, match=f"{name} is .*finite"):
            Finding(rule="r", kind="rule", outcome=Outcome.PASS, detail="d", **{name: value})


def changed(path: list[str | int], value: object) -> str:
    tree = json.loads(dumps(verdict(finding(Outcome.FAIL))))
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
        (changed(["schema"], 1), "schema is 1"),
        (changed(["code"], KeyError), "lacks code"),
        (changed(["champion"], "sha256:x"), "champion is no mapping"),
        (changed(["champion", "state"], "gone"), "not one of none, compared"),
        (changed(["champion", "state"], "compared"), "champion is compared, with version None"),
        (changed(["champion", "version"], "v0.1.0"), "champion is none, with version v0.1.0"),
        (changed(["champion"], HELD), "contradict"),
        (changed(["tests"], {"collected": 1}), "tests lacks champion, ran"),
        (changed(["tests"], {**COUNTED, "ran": True}), "tests.ran is True, not a count"),
        (changed(["tests"], {**COUNTED, "ran": None}), "tests.ran is None, not a count"),
        (changed(["tests"], {**COUNTED, "ran": 2}), "more tests ran than were collected"),
        (changed(["champion"], {**LOST, "version": 5}), "champion.version is 5, not a text"),
        (changed(["champion"], {**LOST, "bundle": 5}), "champion.bundle is 5, not a text"),
        (changed(["champion"], {**LOST, "bundle": "x"}), "champion.bundle is 'x', not a digest"),
        (changed(["champion"], {**HELD, "bundle": None}), "is compared, with version v0.1.0 and"),
        (changed(["champion"], {**HELD, "version": None}), "compared, with version None and"),
        (changed(["champion"], {**HELD, "state": "none"}), "champion is none, with version v0.1.0"),
        (changed(["findings", 0, "kind"], "rumour"), "kind is 'rumour'"),
        (changed(["findings", 0, "severity"], "info"), "severity is 'info'"),
        (changed(["findings", 0, "tolerated"], 1), "tolerated is 1"),
        (changed(["findings", 0, "waiver"], {"until": "2013-12-31"}), "lacks because, owner"),
        (changed(["findings", 0, "waiver"], {**WAIVER, "until": "soon"}), "soon"),
        (changed(["findings", 0, "outcome"], "OK"), "outcome is 'OK'"),
        (changed(["findings", 0, "limit"], "0.7"), "not a number"),
        (changed(["findings", 0, "limit"], float("nan")), "NaN is not a number"),
        (changed(["findings", 0, "rows"], True), "rows is True"),
        (changed(["findings", 0, "rows"], -1), "rows is -1"),
        (changed(["findings", 0, "units_needed"], 1.5), "units_needed is 1.5"),
        (changed(["findings", 0, "units"], -1), "units is -1"),
        (changed(["findings", 0, "unit"], 5), r"findings\[0\].unit is 5, not a text"),
        (changed(["findings", 0, "design_effect"], "2"), "not a number"),
        (changed(["findings", 0, "direction"], "up"), "direction is 'up'"),
        (changed(["findings", 0, "rule"], KeyError), "lacks rule"),
        (changed(["findings", 0, "rule"], ""), r"findings\[0\].rule is '', not a text"),
        (changed(["findings", 0, "detail"], 5), r"findings\[0\].detail is 5, not a text"),
        (changed(["findings", 0, "metric"], 5), r"findings\[0\].metric is 5, not a text"),
        (changed(["findings", 0, "owner"], ""), r"findings\[0\].owner is '', not a text"),
        (changed(["findings", 0, "observed"], 10**400), "observed is too large"),
        (changed(["findings"], {}), "findings is no list"),
        ('{"outcome": "FAIL", "outcome": "PASS"}', "twice"),
    ],
)
def test_a_malformed_verdict_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PromotionRefused, match=reason) as caught:
        loads(text, "reports/gate/verdict.json")
    assert caught.value.line().startswith("reports/gate/verdict.json: ")
