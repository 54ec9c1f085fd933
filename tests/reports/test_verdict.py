from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import PromotionRefused
from assay.reports.verdict import (
    Finding,
    JudgedChampion,
    ModelTests,
    Outcome,
    Verdict,
    Waiver,
    combine_outcomes,
)
from tests.gate.build import changed
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
        JudgedChampion(state="none"),
        JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:a"),
        JudgedChampion(state="unreadable", version="v0.1.0"),
        JudgedChampion(state="features_missing", version="v0.2.0", bundle="sha256:a"),
        JudgedChampion(state="incomparable", version="v0.2.0", bundle="sha256:a"),
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
    assert combine_outcomes([]) is Outcome.FAIL


def test_all_passed_is_pass() -> None:
    assert combine_outcomes([finding(Outcome.PASS)] * 3) is Outcome.PASS


@given(st.lists(findings), findings)
def test_another_finding_never_improves_the_outcome(some: list[Finding], more: Finding) -> None:
    decided = [finding(Outcome.PASS), *some]
    assert ORDER.index(combine_outcomes([*decided, more])) <= ORDER.index(combine_outcomes(decided))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"severity": "warn"}, "warning"),
        ({"tolerated": True, "outcome": Outcome.INCONCLUSIVE}, "tolerated"),
        (
            {"waiver": Waiver(because="a fix is on its way", owner="us", until="2013-12-31")},
            "waived until 2013-12-31",
        ),
    ],
)
def test_what_does_not_decide(changes: dict[str, object], word: str) -> None:
    told = changed(finding(Outcome.FAIL), **changes)  # type: ignore[arg-type]
    assert not told.decides
    assert not told.blocks
    assert told.exemption_reason == word
    assert combine_outcomes([finding(Outcome.PASS), told]) is Outcome.PASS
    # By itself it decides nothing, and what nobody decided is no PASS.
    assert combine_outcomes([told]) is Outcome.FAIL


def test_tolerance_is_for_inconclusive_alone() -> None:
    told = changed(finding(Outcome.FAIL), tolerated=True)
    assert told.blocks
    assert told.exemption_reason == ""


def test_what_blocks_comes_with_fail_first() -> None:
    unsure, bad = finding(Outcome.INCONCLUSIVE, "a"), finding(Outcome.FAIL, "b")
    warned = changed(finding(Outcome.FAIL, "c"), severity="warn")
    assert verdict(unsure, warned, bad, finding(Outcome.PASS)).blocking == (bad, unsure)


@given(st.lists(findings).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_order_does_not_matter(pair: tuple[list[Finding], list[Finding]]) -> None:
    assert combine_outcomes(pair[0]) is combine_outcomes(pair[1])


@settings(deadline=None)
@given(st.lists(findings), champions, tests)
def test_a_verdict_survives_the_way_to_json_and_back(
    some: list[Finding], champion: JudgedChampion, counted: ModelTests | None
) -> None:
    written = changed(verdict(*some, champion=champion, types=("sklearn.x.Y",)), tests=counted)
    text = written.text()
    assert Verdict.parse(text, "verdict.json") == written
    assert Verdict.parse(text, "verdict.json").text() == text
    PUBLISHED.validate(json.loads(text))


def test_a_verdict_that_names_no_reports_is_read() -> None:
    given = changed(verdict(finding(Outcome.PASS)), reports=None)
    text = given.text()
    PUBLISHED.validate(json.loads(text))
    assert json.loads(text)["reports"] is None
    assert Verdict.parse(text, "v") == given


def test_a_finding_may_be_about_no_rows() -> None:
    empty = changed(finding(Outcome.FAIL), rows=0, units=0, units_needed=0)
    assert Verdict.parse(verdict(empty).text(), "verdict.json").findings == (empty,)


def test_the_published_schema_is_strict() -> None:
    tree = json.loads(verdict(finding(Outcome.PASS)).text())
    for place in (tree, tree["findings"][0], tree["champion"]):
        place["extra"] = 1
        with pytest.raises(jsonschema.ValidationError, match="extra"):
            PUBLISHED.validate(tree)
        del place["extra"]


def test_the_champion_is_stated() -> None:
    tree = json.loads(verdict(finding(Outcome.PASS)).text())
    assert tree["champion"] == {"state": "none", "version": None, "bundle": None}
    held = JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:" + 64 * "a")
    assert held.description == "champion, v0.1.0 (sha256:aaaaaaaaaaaa)"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_finding_holds_finite_numbers_only(value: float) -> None:
    for name in ("observed", "design_effect"):
        with pytest.raises(ValueError, match=rf"{name}\s.*finite"):
            Finding(rule="r", kind="rule", outcome=Outcome.PASS, detail="d", **{name: value})


def edited(path: list[str | int], value: object) -> str:
    tree = json.loads(verdict(finding(Outcome.FAIL)).text())
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
        ("[]", "the file is a list, not a mapping"),
        ("{", "not a verdict"),
        (edited(["outcome"], "PASS"), "come to FAIL"),
        (edited(["findings"], []).replace('"FAIL"', '"PASS"'), "come to FAIL"),
        (edited(["outcome"], "pass"), "outcome is 'pass'"),
        (edited(["bundle"], KeyError), "bundle is missing"),
        (edited(["bundle"], None), "bundle is null, not a text"),
        (edited(["bundle"], "b"), "not a digest"),
        (edited(["extra"], 1), "extra is no key that belongs here"),
        (edited(["schema"], 1), "schema is 1"),
        (edited(["code"], KeyError), "code is missing"),
        (edited(["champion"], "sha256:x"), "champion is 'sha256:x', not a mapping"),
        (edited(["champion", "state"], "gone"), "champion.state is 'gone', not 'none', 'compared'"),
        (edited(["champion", "state"], "compared"), "champion is compared, with version None"),
        (edited(["champion", "version"], "v0.1.0"), "champion is none, with version v0.1.0"),
        (edited(["findings", 0, "test"], "passed"), "test is passed, of a rule that is FAIL"),
        (edited(["findings", 0, "waiver_ended"], "soon"), "soon"),
        (edited(["tests"], {"collected": 1}), "tests.ran is missing"),
        (edited(["tests"], {**COUNTED, "ran": True}), "tests.ran is True, not a whole number"),
        (edited(["tests"], {**COUNTED, "ran": None}), "tests.ran is null, not a whole number"),
        (edited(["tests"], {**COUNTED, "ran": 2}), "tests.ran is 2, of 1 that were collected"),
        (edited(["champion"], {**LOST, "version": 5}), "champion.version is 5, not a text"),
        (edited(["champion"], {**LOST, "bundle": 5}), "champion.bundle is 5, not a text"),
        (edited(["champion"], {**LOST, "bundle": "x"}), "champion.bundle is 'x', not a digest"),
        (edited(["champion"], {**HELD, "bundle": None}), "is compared, with version v0.1.0 and"),
        (edited(["champion"], {**HELD, "version": None}), "compared, with version None and"),
        (edited(["champion"], {**HELD, "state": "none"}), "champion is none, with version v0.1.0"),
        (edited(["findings", 0, "kind"], "rumour"), "kind is 'rumour'"),
        (edited(["findings", 0, "severity"], "info"), "severity is 'info'"),
        (edited(["findings", 0, "tolerated"], 1), "tolerated is 1"),
        (
            edited(["findings", 0, "waiver"], {"until": "2013-12-31"}),
            r"findings\[0\].waiver.because is missing",
        ),
        (edited(["findings", 0, "waiver"], {**WAIVER, "until": "soon"}), "soon"),
        (edited(["findings", 0, "outcome"], "OK"), "outcome is 'OK'"),
        (edited(["findings", 0, "limit"], "0.7"), "not a number"),
        (edited(["findings", 0, "limit"], float("nan")), "NaN is not a number"),
        (edited(["findings", 0, "rows"], True), "rows is True"),
        (edited(["findings", 0, "rows"], -1), "rows is -1"),
        (edited(["findings", 0, "units_needed"], 1.5), "units_needed is 1.5"),
        (edited(["findings", 0, "units"], -1), "units is -1"),
        (edited(["findings", 0, "unit"], 5), r"findings\[0\].unit is 5, not a text"),
        (edited(["findings", 0, "design_effect"], "2"), "not a number"),
        (edited(["findings", 0, "direction"], "up"), "direction is 'up'"),
        (edited(["findings", 0, "rule"], KeyError), r"findings\[0\].rule is missing"),
        (edited(["findings", 0, "rule"], ""), r"findings\[0\].rule is '', not a text"),
        (edited(["findings", 0, "detail"], 5), r"findings\[0\].detail is 5, not a text"),
        (edited(["findings", 0, "metric"], 5), r"findings\[0\].metric is 5, not a text"),
        (edited(["findings", 0, "owner"], ""), r"findings\[0\].owner is '', not a text"),
        (
            edited(["findings", 0, "observed"], 10**400),
            r"observed is 10{79}\.\.\., not a finite number",
        ),
        (edited(["types"], KeyError), "types is missing"),
        (edited(["findings", 0, "outcome"], KeyError), r"findings\[0\].outcome is missing"),
        (edited(["findings"], {}), "findings is a mapping, not a list"),
        ('{"outcome": "FAIL", "outcome": "PASS"}', "twice"),
    ],
)
def test_a_malformed_verdict_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PromotionRefused, match=reason) as caught:
        Verdict.parse(text, "reports/gate/verdict.json")
    assert caught.value.line().startswith("reports/gate/verdict.json: ")


def test_model_tests_are_those_that_stand_in_a_file() -> None:
    found = verdict(
        finding(Outcome.PASS),
        Finding(rule="t.py::a", kind="test", outcome=Outcome.PASS, detail="passed"),
        Finding(rule="pytest", kind="test", outcome=Outcome.FAIL, detail="crashed"),
        Finding(rule="x::y", kind="behaviour", outcome=Outcome.PASS, detail="held"),
    )
    assert found.model_tests == ("t.py::a",)
