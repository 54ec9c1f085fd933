"""Rules on reasons: shares of rows whose strongest changed, and features that must stay weak."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.errors import ParamsError
from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds
from assay.gate.rules.reasons import lead
from assay.metrics.estimate import Estimate
from assay.metrics.intervals.estimates import estimate_mean_size
from assay.metrics.sampling_units import SamplingUnits
from assay.project import layout
from assay.reports.comparison import ChangedPart, Comparison, ReasonChanges
from assay.reports.evaluation import Evaluation, ExplainedPart, Reasons
from assay.reports.verdict import Finding, Outcome
from tests.gate import build
from tests.gate.test_verdict_verification import edited, made, told

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def judged(rule: Any, correction: str = "holm", **reports: Any) -> tuple[Finding, ...]:
    return rule.judge(  # type: ignore[no-any-return]
        SimpleNamespace(**reports), build.gate(correction=correction)
    )


def compared(hits: int, **slices: tuple[int, int]) -> Comparison:
    """So many of 1,000 rows changed, and so many of each origin's."""
    parts = {
        f"origin={name}": ChangedPart(rows=rows, units=rows, changed=build.share(some, rows))
        for name, (some, rows) in slices.items()
    }
    whole = ChangedPart(rows=1000, units=1000, changed=build.share(hits, 1000))
    places = (build.compared_place(name, None, rows) for name, (_, rows) in slices.items())
    return build.changed(  # type: ignore[no-any-return]
        build.comparison(None, *places), reasons=ReasonChanges(whole=whole, slices=parts)
    )


@pytest.mark.parametrize(("hits", "outcome"), [(20, PASS), (95, INCONCLUSIVE), (150, FAIL)])
def test_the_share_of_rows_with_another_strongest_reason(hits: int, outcome: Outcome) -> None:
    (found,) = judged(build.rule(kind="reasons", max=0.1), comparison=compared(hits))
    assert (found.outcome, found.observed, found.limit) == (outcome, hits / 1000, 0.1)
    assert found.low < hits / 1000 < found.high and (found.direction, found.rows) == ("max", 1000)
    assert (found.chance is not None) is (outcome is PASS)
    assert (found.units_needed is not None) is (outcome is INCONCLUSIVE)


def test_on_slices_all_have_to_pass_and_one_that_was_not_explained_does_not() -> None:
    about = compared(20, JFK=(10, 500), LGA=(150, 400), rare=(0, 30))
    slices = {title: part for title, part in about.reasons.slices.items() if "rare" not in title}
    about = build.changed(about, reasons=build.changed(about.reasons, slices=slices))
    rule = build.rule(kind="reasons", max=0.1, slice="origin")
    assert {each.slice: each.outcome for each in judged(rule, comparison=about)} == {
        "origin=JFK": PASS,
        "origin=LGA": FAIL,
        "origin=rare": INCONCLUSIVE,
    }
    large = build.rule(kind="reasons", max=0.1, slice="origin", min_rows=450)
    assert [each.blocks for each in judged(large, comparison=about)] == [False] * 3
    (unknown,) = judged(build.rule(kind="reasons", max=0.1, slice="town"), comparison=about)
    assert unknown.outcome is FAIL


def test_without_a_champion_it_does_not_decide_and_one_that_is_unreadable_fails() -> None:
    rule = build.rule(kind="reasons", max=0.1)
    (none,) = judged(rule, comparison=build.alone("none"))
    assert (none.outcome, none.tolerated) == (INCONCLUSIVE, True)
    (unreadable,) = judged(rule, comparison=build.alone("unreadable"))
    assert unreadable.outcome is FAIL


@pytest.mark.parametrize("why", ["champion: no trees", None])
def test_reasons_that_are_not_known_never_pass(why: str | None) -> None:
    changes = ReasonChanges(why=why) if why else None
    about = build.changed(build.comparison(), reasons=changes)
    (found,) = judged(build.rule(kind="reasons", max=1), comparison=about)
    assert (found.outcome, found.blocks) == (INCONCLUSIVE, True)
    assert (why or "the report has none") in found.detail and "exact" in str(found.fix)
    alone = build.changed(build.evaluation(), reasons=Reasons(why=why) if why else None)
    (found,) = judged(build.rule(kind="reasons", never=("x",), first=1), evaluation=alone)
    assert (found.outcome, found.blocks) == (INCONCLUSIVE, True)


def part(**features: tuple[float, float, float]) -> ExplainedPart:
    found = {
        name: Estimate(value, low, high, degrees=29)
        for name, (low, value, high) in features.items()
    }
    return ExplainedPart(rows=900, units=30, features=found)


def explained(whole: ExplainedPart, **slices: ExplainedPart) -> Evaluation:
    parts = {f"origin={name}": each for name, each in slices.items()}
    places = (build.place(name, None, 500) for name in slices)
    found = build.evaluation(None, *places, unit="night", units=30)
    reasons = Reasons(scale="log odds", whole=whole, slices=parts)
    return build.changed(found, reasons=reasons)  # type: ignore[no-any-return]


WHOLE = part(hour=(4.5, 5, 6), carrier=(2, 3, 4), flight=(1, 1.5, 2.5), day=(0, 0, 0))


@pytest.mark.parametrize(
    ("name", "first", "outcome"),
    [
        ("hour", 1, FAIL),
        ("carrier", 1, PASS),
        ("flight", 1, PASS),
        ("flight", 2, INCONCLUSIVE),
        ("carrier", 3, FAIL),
        ("day", 3, PASS),
    ],
)
def test_a_feature_that_must_not_be_among_the_first(
    name: str, first: int, outcome: Outcome
) -> None:
    rule = build.rule(kind="reasons", never=(name,), first=first)
    (found,) = judged(rule, evaluation=explained(WHOLE))
    assert (found.outcome, found.limit, found.direction) == (outcome, 0.0, "max")
    assert found.low <= found.observed <= found.high and (found.rows, found.units) == (900, 30)
    assert f"'{name}'" in found.detail


def test_each_feature_and_each_slice_has_its_finding() -> None:
    about = explained(WHOLE, JFK=WHOLE, LGA=part(hour=(0, 1, 2), flight=(4, 5, 6)))
    rule = build.rule(kind="reasons", never=("hour", "flight"), first=1, slice="origin")
    found = judged(rule, evaluation=about)
    assert [(each.slice, each.outcome) for each in found] == [
        ("origin=JFK", FAIL),
        ("origin=LGA", PASS),
        ("origin=JFK", PASS),
        ("origin=LGA", FAIL),
    ]


def test_what_is_no_feature_of_the_model_and_too_few_of_them_fail() -> None:
    for names, first, words in (
        (["hourr"], 1, "did you mean 'hour'"),
        (["hour"], 4, "any feature"),
    ):
        (found,) = judged(
            build.rule(kind="reasons", never=tuple(names), first=first), evaluation=explained(WHOLE)
        )
        assert found.outcome is FAIL and words in found.detail


def test_few_nights_never_pass() -> None:
    few = {
        name: Estimate(value, value, value, degrees=2, needed=10, doubt="it has 5 nights")
        for name, value in (("hour", 2.0), ("flight", 1.0))
    }
    rule = build.rule(kind="reasons", never=("flight",), first=1)
    whole = ExplainedPart(rows=50, units=5, features=few)
    (found,) = judged(rule, evaluation=explained(whole))
    assert (found.outcome, found.units_needed) == (INCONCLUSIVE, 10)
    none = {name: Estimate(1.0, None, None, "2 nights", few=True, needed=10) for name in few}
    whole = ExplainedPart(rows=50, units=2, features=none)
    (found,) = judged(rule, evaluation=explained(whole))
    assert (found.outcome, found.units_needed) == (INCONCLUSIVE, 10)


ends = st.tuples(*[st.floats(0, 10)] * 3).map(sorted)


@given(st.lists(ends, min_size=2, max_size=6), st.integers(1, 5))
def test_the_lead_says_who_is_among_the_first(found: list[list[float]], first: int) -> None:
    assume(first < len(found))
    features = {
        f"f{place}": Estimate(value, low, high, degrees=9)
        for place, (low, value, high) in enumerate(found)
    }
    mine, *others = features.values()
    one = lead(features, "f0", first)
    assert one.low <= one.value <= one.high
    above = sum(other.value > mine.value for other in others)
    if one.value:
        assert (one.value > 0) is (above < first)
    assert (one.high < 0) is (sum(other.low > mine.high for other in others) >= first)
    assert (one.low > 0) is (sum(other.high >= mine.low for other in others) < first)


def test_a_lead_is_as_uncertain_as_the_least_certain_of_its_features() -> None:
    degrees = {"mine": 29.0, "other": 4.0, "third": 9.0}
    features = {name: Estimate(1.0, 0.5, 1.5, degrees=known) for name, known in degrees.items()}
    assert lead(features, "mine", 1).degrees == 4


def test_a_feature_at_the_border_passes_falsely_less_often_than_stated() -> None:
    random, passed, failed = np.random.default_rng(5), 0, 0
    means = np.array([1.0, *[0.5] * 5])  # all but one are equal: f5 is, and is not, the second
    for _ in range(300):
        sizes = random.gamma(2, means / 2, (200, 6))
        units = SamplingUnits.rows(200)
        features = {f"f{i}": estimate_mean_size(sizes[:, i], units, 0.95) for i in range(6)}
        one = lead(features, "f5", 2)
        passed += one.high < 0
        failed += one.low > 0
    assert passed <= 300 * 0.025 and failed <= 300 * 0.025


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"max": 0.1, "never": ("x",), "first": 1},
        {"never": ("x",)},
        {"max": 0.1, "first": 2},
        {"never": (), "first": 1},
        {"never": ("x",), "first": 0},
        {"max": 1.1},
        {"never": ["x", "x"], "first": 1},
        {"max": 0.1, "slice": "*"},
        {"max": 0.1, "metric": "auc"},
    ],
)
def test_keys_that_make_no_rule_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        build.rule(kind="reasons", **keys)


def test_mistakes_in_params_yaml_are_explained(tiny: Any) -> None:
    tiny.policy("name: r, kind: reasons, never: [x]")
    with pytest.raises(ParamsError, match=r"never and first together.*never alone"):
        kinds.read_policy(tiny.params)


def test_check_names_what_is_no_feature_and_what_cannot_pass(tiny: Any) -> None:
    contract: Any = SimpleNamespace(features=("hour", "day"), slices=())
    for keys, words in (
        (
            {"never": ("huor",), "first": 1},
            "never: there is no 'huor'.*a feature: hour, day.*'hour'",
        ),
        ({"never": ("hour",), "first": 2}, "first: any feature is among the first 2 of 2"),
        ({"never": ("hour",), "first": 1}, None),
        ({"max": 0.1, "slice": "town"}, "there is no 'town'"),
    ):
        rule = build.rule(kind="reasons", **keys)
        lines = list(rule.faults(tiny.params, contract, "binary"))
        assert len(lines) == (words is not None)
        if words:
            assert re.search(words, lines[0]), lines


def test_explain_says_how_it_is_decided() -> None:
    never = build.rule(kind="reasons", never=("x",), first=3, slice="origin")
    assert never.source == layout.EVALUATION
    assert build.rule(kind="reasons", max=0.1).source == layout.COMPARISON
    assert "lies below those of 3 others" in " ".join(never.settings(build.gate(), {}))
    stay = build.rule(kind="reasons", max=0.1, severity="warn")
    warns, how = stay.settings(build.gate(), {})
    assert warns.startswith("it warns") and "largest absolute contribution" in how


def test_what_is_not_pass_says_what_its_owner_can_do() -> None:
    stay, never = (
        build.rule(kind="reasons", max=0.1),
        build.rule(kind="reasons", never=("hour",), first=1),
    )
    (unsure,) = judged(stay, comparison=compared(95))
    assert "window holdout" in str(stay.advice(unsure))
    (changed,) = judged(stay, comparison=compared(150))
    assert "comparison.json" in str(stay.advice(changed))
    (strong,) = judged(never, evaluation=explained(WHOLE))
    assert "evaluate/index.html" in str(never.advice(strong))


def test_a_verdict_is_decided_again_from_the_reports(tiny: Any, monkeypatch: Any) -> None:
    tree = Reasons(scale="log odds", whole=WHOLE).tree()
    asked = "name: ranks, kind: reasons, never: [flight], first: 1"
    policy, reports = tiny.policy, tiny.reports
    monkeypatch.setattr(tiny, "policy", lambda _, **more: policy(asked, **more))
    monkeypatch.setattr(tiny, "reports", lambda: (reports(), tiny.evaluation(reasons=tree)))
    verdict = made(tiny)
    assert verdict.findings[0].outcome is PASS and told(tiny, verdict) == ()
    bent = edited(verdict, "ranks", observed=-3.0)
    assert any("'ranks' has observed -3 in it" in line for line in told(tiny, bent))
    assert GateInputs.of(tiny.root).evaluation.reasons is not None
