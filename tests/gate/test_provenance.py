"""Reports about something else than what is here are FAIL, whatever they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from assay.errors import StageInputMissing
from assay.gate import provenance
from assay.gate.inputs import REPORTS, GateInputs
from assay.gate.provenance import InputDigests
from assay.project import layout, params
from assay.reports.comparison import ComparedChampion as Held
from assay.reports.verdict import JudgedChampion, Outcome
from tests.gate import build

HERE = InputDigests("sha256:b", "sha256:d", "sha256:c", "sha256:p", "sha256:k", "sha256:r")
OTHER = "sha256:0123456789abcdef"


class Given(GateInputs):
    """Reports that were never written; what is not given is missing."""

    def __init__(self, **reports: Any) -> None:
        super().__init__(self.missing)
        reports.setdefault("evaluation", build.evaluation())
        reports.setdefault("comparison", build.comparison())
        for name, report in reports.items():
            self.__dict__[name] = report

    @staticmethod
    def missing(name: str, stage: str) -> str:
        raise StageInputMissing(f"{stage} has not run", where=name)


def about(tiny: Any, *kinds: str) -> params.Params:
    tiny.policy("name: ranks, metric: auc, min: 0.7", *kinds)
    loaded: params.Params = tiny.params
    return loaded


PARITY = "name: same, kind: parity"
COST = "name: fast, kind: cost, of: latency_ms, max: 5"
LEAKAGE = "name: apart, kind: leakage"


def details(inputs: GateInputs, given: params.Params, after: InputDigests = HERE) -> list[str]:
    found = provenance.mismatch_findings(inputs, given, HERE, after)
    for each in found:
        assert each.rule == "what was measured is about what is here now"
        assert (each.kind, each.outcome, each.blocks) == ("rule", Outcome.FAIL, True)
        assert each.because == "a verdict counts only for the very files it names"
        assert each.owner == "assay"
    return [each.detail for each in found]


def test_the_reports_digest_is_of_every_name_and_text() -> None:
    texts = {each.FILE: f"of {each.STAGE}" for each in REPORTS.values()}

    def digest(**changes: str | None) -> str:
        given = {**texts, **changes}

        def source(name: str, stage: str) -> str:
            text = given[name]
            return Given.missing(name, stage) if text is None else text

        return provenance.reports_digest(source)

    found = [digest(), *(digest(**{name: "other"}) for name in texts)]
    empty = [digest(**{name: ""}) for name in texts]
    assert len({*found, *empty}) == 1 + 2 * len(texts)
    assert [digest(**{name: None}) for name in texts] == empty


def test_reports_about_what_is_here_are_fine(tiny: Any) -> None:
    inputs = Given(rehearsal=build.rehearsal(), leakage=build.leakage())
    assert details(inputs, about(tiny, PARITY, COST, LEAKAGE)) == []
    assert details(Given(comparison=build.alone("none")), about(tiny)) == []


@pytest.mark.parametrize("what", ["bundle", "data", "contract"])
@pytest.mark.parametrize("report", ["evaluation", "comparison", "rehearsal", "none"])
def test_a_report_about_something_else(tiny: Any, report: str, what: str) -> None:
    name = "comparison" if report == "none" else report
    made = build.alone("none") if report == "none" else getattr(build, report)()
    if (name, what) == ("comparison", "bundle"):
        made = build.changed(made, challenger=build.changed(made.challenger, bundle=OTHER))
    else:
        made = build.changed(made, **{what: OTHER})
    given = about(tiny, *((PARITY, COST) if name == "rehearsal" else ()))
    assert details(Given(**{name: made}), given) == [
        f"the {name} is about another {what}: {OTHER[:19]}, now it is {getattr(HERE, what)}"
    ]


def test_a_rehearsal_that_no_rule_asks_may_be_about_anything(tiny: Any) -> None:
    assert details(Given(rehearsal=build.rehearsal(bundle=OTHER)), about(tiny)) == []


def test_nights_beside_another_champion(tiny: Any) -> None:
    nights = build.nights(build.night())
    given = about(tiny, "name: real, kind: flips, max: 0.1")
    assert details(Given(rehearsal=build.rehearsal(nights=nights)), given) == []
    other = build.changed(nights.champion, bundle=OTHER)
    stale = build.rehearsal(nights=build.changed(nights, champion=other))
    assert details(Given(rehearsal=stale), given) == [
        "the rehearsal of the last nights is about another champion than the comparison"
    ]


@pytest.mark.parametrize(("key", "what"), [("holdout", "data"), ("contract", "contract")])
def test_a_leakage_report_of_something_else(tiny: Any, key: str, what: str) -> None:
    found = build.leakage()
    change = (
        {"data": build.changed(found.data, holdout=OTHER)} if key == "holdout" else {key: OTHER}
    )
    inputs = Given(leakage=build.changed(found, **change))
    assert details(inputs, about(tiny, LEAKAGE)) == [
        f"the leakage report is about another {what}: sha256:0123456789ab, now it is "
        f"{getattr(HERE, what)}"
    ]
    assert details(inputs, about(tiny)) == []


def test_a_missing_report_is_for_its_rules_to_fail(tiny: Any) -> None:
    assert details(Given(), about(tiny, PARITY, COST, LEAKAGE)) == []


@pytest.mark.parametrize("report", ["evaluation", "comparison"])
def test_another_project_or_another_confidence(tiny: Any, report: str) -> None:
    made = build.evaluation() if report == "evaluation" else build.comparison()
    inputs = Given(**{report: build.changed(made, name="other", confidence=0.5)})  # type: ignore[type-var]
    assert details(inputs, about(tiny)) == [
        f"the {report} is about 'other', not 'tiny'",
        f"the {report} has 0.5 intervals, params.yaml asks for 0.95",
    ]


@pytest.mark.parametrize(
    "what", [("bundle",), ("data",), ("contract",), ("policy",), ("code",), ("data", "code")]
)
def test_what_changed_while_the_gate_ran(tiny: Any, what: tuple[str, ...]) -> None:
    after = replace(HERE, **dict.fromkeys(what, OTHER))
    assert details(Given(), about(tiny), after) == [f"{', '.join(what)} changed while the gate ran"]


def test_the_champion_is_what_the_comparison_says() -> None:
    for state in ("compared", "unreadable", "features_missing", "incomparable"):
        found = build.comparison() if state == "compared" else build.alone(state)
        assert provenance.judged_champion(Given(comparison=found)) == JudgedChampion(
            state=state, version="v0.1.0", bundle="sha256:a"
        )
    assert provenance.judged_champion(Given(comparison=build.alone("none"))) == JudgedChampion(
        state="none"
    )
    lost = build.changed(build.alone("unreadable"), champion=Held(version="v0.1.0", bundle=None))
    assert provenance.judged_champion(Given(comparison=lost)) == JudgedChampion(
        state="unreadable", version="v0.1.0"
    )


@pytest.mark.parametrize("state", ["none", "compared"])
def test_a_champion_that_is_there_or_is_not_is_no_finding(state: Any) -> None:
    found = build.comparison() if state == "compared" else build.alone(state)
    assert provenance.champion_findings(Given(comparison=found)) == ()


def test_a_champion_that_has_seen_the_holdout_is_a_warning() -> None:
    seen = build.changed(build.comparison(), why="it learnt from 40 rows of the holdout")
    (found,) = provenance.champion_findings(Given(comparison=seen))
    assert (found.rule, found.kind) == ("the champion has not seen the holdout", "rule")
    assert (found.outcome, found.severity) == (Outcome.INCONCLUSIVE, "warn")
    assert (found.blocks, found.exemption_reason) == (False, "warning")
    assert found.detail == "it learnt from 40 rows of the holdout"
    assert (found.owner, found.because) == (
        "assay",
        "a champion that knows the answers is hard to beat",
    )


@pytest.mark.parametrize("state", ["unreadable", "features_missing", "incomparable"])
def test_a_champion_that_cannot_be_compared_with_fails(state: Any) -> None:
    (found,) = provenance.champion_findings(Given(comparison=build.alone(state, "gone")))
    assert found.rule == "the champion can be compared with"
    assert (found.kind, found.outcome, found.blocks) == ("rule", Outcome.FAIL, True)
    assert found.detail.endswith(": gone")
    assert found.owner == "assay"


def test_without_a_comparison_there_is_no_telling() -> None:
    inputs = GateInputs(Given.missing)
    for ask in (provenance.judged_champion, provenance.champion_findings):
        with pytest.raises(StageInputMissing, match=layout.COMPARISON):
            ask(inputs)
