"""Of a rule with many slices the nearest to the limit are shown, and all are accounted for."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.gate.many_slices import SHOWN, OtherSlices, fold
from assay.gate.verdict_page import render_page
from assay.gate.verdict_text import render_markdown, sort_findings
from assay.reports.verdict import Finding, Outcome
from tests.verdicts import verdict


def finding(number: int, **changes: Any) -> Finding:
    values = {
        "rule": "ranks",
        "kind": "rule",
        "outcome": Outcome.PASS,
        "detail": f"slice {number} meets it",
        "metric": "auc",
        "slice": f"shop={number}",
        "observed": 0.7 + number / 10_000,
        "limit": 0.7,
        "direction": "min",
        "rows": 100,
    }
    return Finding(**{**values, **changes})


def test_a_reason_that_rules_share_is_told_once_for_all() -> None:
    why = {"detail": "no night could be rehearsed", "observed": None, "outcome": Outcome.FAIL}
    rules = [finding(0, rule=name, slice=None, **why) for name in ("held", "flipped", "slower")]
    tests = [finding(0, rule=f"t::{name}", kind="test", slice=None, **why) for name in "ab"]
    other = finding(0, rule="calm", slice=None, **why, owner="another")
    judged = verdict(*rules, other, *tests)
    for names in ("**held**, **flipped**, **slower**", "**calm**", "`t::a`"):
        assert f"- ❌ {names}: no night could be rehearsed" in render_markdown(judged)
    assert "<b>held, flipped, slower</b>: no night" in render_page(judged, 0.95)


some = st.builds(
    finding,
    st.integers(0, 2_000),
    rule=st.sampled_from("ab"),
    outcome=st.sampled_from(Outcome),
    severity=st.sampled_from(("block", "warn")),
    observed=st.none() | st.floats(0, 1),
)


@given(st.lists(some, max_size=80))
def test_no_finding_is_lost_or_shown_twice(findings: list[Finding]) -> None:
    shown = fold(findings)
    told = [
        each for one in shown for each in (one.findings if isinstance(one, OtherSlices) else (one,))
    ]
    assert sorted(map(repr, told)) == sorted(map(repr, findings))
    for rest in shown:
        if isinstance(rest, OtherSlices):
            alike = {(each.rule, each.outcome, each.exemption_reason) for each in rest.findings}
            assert len(alike) == 1
            mine = [one for one in shown if isinstance(one, Finding) and
                    (one.rule, one.outcome, one.exemption_reason) in alike]  # fmt: skip
            assert len(mine) == SHOWN


def test_few_slices_stay_as_they_are() -> None:
    few = [finding(number) for number in range(SHOWN)]
    assert fold(few) == few


def test_the_nearest_to_the_limit_stay_in_their_order() -> None:
    unmeasured = finding(3, observed=None)
    many = [*(finding(number) for number in range(2_000, 0, -1)), unmeasured]
    *shown, rest = fold(many)
    assert [each.slice for each in shown if isinstance(each, Finding)] == [
        *(f"shop={number}" for number in range(9, 0, -1)),
        "shop=3",
    ]
    assert isinstance(rest, OtherSlices)
    assert rest.sentence == "ranks: 1,991 more slices"


def test_pages_of_many_slices_are_short() -> None:
    bad = [finding(number, outcome=Outcome.FAIL) for number in range(40)]
    found = verdict(*bad, *(finding(number, rule="keeps") for number in range(2_000)))
    text = render_markdown(found)
    assert len(text.splitlines()) < 80
    assert "| ❌ | ranks: 30 more slices |" in text
    assert "- ❌ ranks: 30 more slices\n" in text
    assert "| ✅ | keeps: 1,990 more slices |" in text
    page = render_page(found, 0.95)
    # The page has all of them; those that are folded without a picture.
    assert "shop=1999: 0.8999, 100 rows" in page
    assert page.count("<svg") < 60
    assert sort_findings(found.findings)[0].outcome is Outcome.FAIL
