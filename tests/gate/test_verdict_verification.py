"""A verdict held against reports and policy: what each way to bend it is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pytest

from assay.errors import NotARepository
from assay.gate import verdict_text, verdict_verification, waivers
from assay.gate.inputs import GateInputs
from assay.gate.pytest_run import findings
from assay.gate.pytest_run.record import SEVERITY, PytestRecord, Uncollected
from assay.gate.rules import kinds as rules
from assay.metrics.intervals.spending import pass_level
from assay.project import layout
from assay.project.document import read_stage_file
from assay.project.text import ordinal
from assay.reports.verdict import (
    Finding,
    HoldoutUse,
    JudgedChampion,
    ModelTests,
    Outcome,
    Verdict,
    Waiver,
    combine_outcomes,
)
from tests.gate.build import changed

ASKED = (
    "[{name: steady, check: robustness, perturb: missing, max_failed: 0.1, "
    "owner: us, because: it must}]"
)
WAIVED = (
    '[{rule: ranks, because: carnival, owner: us, until: "2999-01-01"}, '
    '{rule: steady, because: carnival, owner: us, until: "2999-01-01"}]'
)
WAIVER = Waiver(because="carnival", owner="us", until="2999-01-01")
STEADY = Finding(
    rule="steady",
    kind="behaviour",
    outcome=Outcome.PASS,
    detail="3 of 100 rows",
    observed=0.03,
    limit=0.1,
    direction="max",
    owner="us",
    because="it must",
)
TEST = Finding(
    rule="test_it.py::test_holds",
    kind="test",
    outcome=Outcome.PASS,
    detail="passed",
    test="passed",
)


def counted(collected: int, ran: int, champion: int | None = None) -> ModelTests:
    return ModelTests(collected=collected, ran=ran, champion=champion)


def made(tiny: Any, **policy: str) -> Verdict:
    """What the gate would say, but for the tests and behaviours, which are as above."""
    tiny.policy("name: ranks, metric: auc, min: 0.7", behaviour=ASKED, **policy)
    tiny.reports()
    found = (
        *rules.evaluate_rules(GateInputs.of(tiny.root), rules.read_policy(tiny.params)),
        STEADY,
        TEST,
    )
    return Verdict(
        outcome=combine_outcomes(found),
        candidate="prior",
        name="tiny",
        champion=JudgedChampion(state="none"),
        policy="sha256:p",
        code="sha256:k",
        holdout=HoldoutUse(challenger=1, confidence=0.95),
        findings=found,
        reports="sha256:r",
        tests=ModelTests(collected=1, ran=1),
        **tiny.about(),
    )


def told(
    tiny: Any, verdict: Verdict, former: Verdict | None = None, least: int = 1
) -> tuple[str, ...]:
    tiny.write(verdict_text.MARKDOWN, verdict_text.render_markdown(verdict))
    return verdict_verification.find_discrepancies(
        verdict, partial(read_stage_file, tiny.root), tiny.params, former, lambda: least
    )


def edited(verdict: Verdict, rule: str, /, **changes: Any) -> Verdict:
    kept = tuple(
        changed(each, **changes) if each.rule == rule else each for each in verdict.findings
    )
    return changed(verdict, findings=kept)


def without(verdict: Verdict, rule: str) -> Verdict:
    return changed(verdict, findings=tuple(each for each in verdict.findings if each.rule != rule))


def test_what_the_gate_says_stands(tiny: Any) -> None:
    assert told(tiny, made(tiny)) == ()


def test_last_digits_of_another_machine_are_no_edit(tiny: Any) -> None:
    verdict = made(tiny)
    (ranks, *_) = verdict.findings
    assert told(tiny, edited(verdict, "ranks", observed=(ranks.observed or 0) * (1 + 1e-14))) == ()


@pytest.mark.parametrize(
    ("bend", "line"),
    [
        (lambda v: edited(v, "ranks", outcome=Outcome.FAIL), "'ranks' is FAIL in it"),
        (lambda v: edited(v, "ranks", severity="warn"), "'ranks' is a warn in it"),
        (lambda v: edited(v, "ranks", tolerated=True), "'ranks' has tolerated True in it"),
        (lambda v: edited(v, "ranks", limit=0.1), "'ranks' has limit 0.1 in it"),
        (lambda v: edited(v, "ranks", waiver=WAIVER), "'ranks' is waived in it, and not in"),
        (lambda v: edited(v, "ranks", limit=None), "'ranks' has limit None in it"),
        (lambda v: without(v, "ranks"), "'ranks' is missing in it"),
        (lambda v: edited(v, "ranks", rule="better"), "'better' is no rule of params.yaml"),
        (lambda v: without(v, "steady"), "the behaviour 'steady' is missing in it"),
        (lambda v: edited(v, "steady", observed=0.2), "'steady' is PASS in it with 0.2 of rows"),
        (lambda v: edited(v, "steady", observed=None), "'steady' is PASS in it with None of rows"),
        (lambda v: edited(v, "steady", limit=0.5), "'steady' has limit 0.5 in it, 0.1 in params"),
        (lambda v: edited(v, "steady", direction="min"), "'steady' has direction min in it, max"),
        (lambda v: edited(v, "steady", severity="warn"), "'steady' has severity warn in it"),
        (lambda v: edited(v, "steady", tolerated=True), "'steady' has tolerated True in it"),
        (lambda v: edited(v, "steady", rule="easy"), "'easy' is no behaviour of params.yaml"),
        (lambda v: without(v, TEST.rule), "there is no model test in it"),
        (lambda v: edited(v, TEST.rule, severity="warn"), "is a warn in it, and no model test is"),
        (lambda v: edited(v, TEST.rule, waiver=WAIVER), "test_holds' is waived in it"),
        (lambda v: changed(v, tests=counted(2, 1)), "tests.collected is 2 in it, and its fin"),
        (lambda v: changed(v, tests=counted(1, 0)), "tests.ran is 0 in it, and its findings"),
        (lambda v: changed(v, tests=counted(1, 1, 1)), "tests.champion is 1 in it, although"),
        (lambda v: changed(v, tests=None), "it has no count of tests; its findings hold 1"),
        (lambda v: changed(v, candidate="other"), "its candidate is other"),
        (lambda v: changed(v, types=("a.B",)), "its types is ('a.B',)"),
        (lambda v: changed(v, data="sha256:0"), "the evaluation is about another data"),
        (
            lambda v: changed(
                v, champion=JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:a")
            ),
            "it was held against champion, v0.1.0",
        ),
    ],
)
def test_each_way_to_bend_it(tiny: Any, bend: Callable[[Verdict], Verdict], line: str) -> None:
    found = told(tiny, bend(made(tiny)))
    assert any(line in each for each in found), found


def test_a_behaviour_may_fail_as_often_as_allowed(tiny: Any) -> None:
    assert told(tiny, edited(made(tiny), "steady", observed=0.1)) == ()


def test_only_with_a_champion_must_no_test_be_tolerated(tiny: Any) -> None:
    alone = edited(made(tiny), TEST.rule, tolerated=True)
    line = f"'{TEST.rule}' is tolerated in it, although there is a champion"
    assert line not in told(tiny, alone)
    assert line in told(
        tiny,
        changed(
            alone, champion=JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:a")
        ),
    )


AGAINST = JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:a")


@pytest.mark.parametrize(
    ("said", "had", "line"),
    [
        (2, 1, "tests.champion is 2 in it, and the champion's verdict holds 1"),
        (None, 1, "tests.champion is None in it, and the champion's verdict holds 1"),
        (1, None, "tests.champion is 1 in it, and no verdict on the champion's bundle can be had"),
        (2, 2, "it does not warn of 1 model tests where the champion had 2"),
    ],
)
def test_how_many_tests_the_champion_had_is_asked_of_its_verdict(
    tiny: Any, said: int | None, had: int | None, line: str
) -> None:
    verdict = changed(made(tiny), champion=AGAINST, tests=counted(1, 1, said))
    former = None
    if had is not None:
        former = changed(verdict, findings=(STEADY, *(TEST,) * had))
    (found,) = (each for each in told(tiny, verdict, former) if each.startswith(line))
    assert "held against" not in found


def test_as_many_tests_as_the_champions_verdict_holds_are_no_edit(tiny: Any) -> None:
    verdict = changed(made(tiny), champion=AGAINST, tests=counted(1, 1, 1))
    assert not [each for each in told(tiny, verdict, made(tiny)) if "tests" in each]
    more = changed(made(tiny), findings=(TEST, TEST))
    warned = changed(verdict, tests=counted(1, 1, 2))
    few = findings.fewer_tests_findings(
        "tests/model", PytestRecord(collected=[TEST.rule]), more, "v0.1.0"
    )
    warned = changed(warned, findings=(*warned.findings, *few))
    assert few and not [each for each in told(tiny, warned, more) if "tests" in each]


def test_what_the_gate_counts_is_counted_again(tiny: Any) -> None:
    said = {f"t.py::{each}": each for each in SEVERITY}
    seen = PytestRecord(
        collected=[*said, "t.py::mute"],
        outcomes=said,
        uncollected={"u.py::T": Uncollected(False, "x")},
    )
    verdict = made(tiny)
    kept = tuple(each for each in verdict.findings if each != TEST)
    found = (*kept, *findings.model_test_findings(seen, alone=False))
    assert told(tiny, changed(verdict, findings=found, tests=counted(7, 4))) == ()


def test_a_waiver_of_params_yaml_covers_what_it_names(tiny: Any) -> None:
    verdict = made(tiny, waivers=WAIVED)
    assert told(tiny, edited(verdict, "ranks", waiver=WAIVER)) == ()
    assert told(tiny, edited(verdict, "steady", waiver=WAIVER)) == ()
    other = changed(WAIVER, until="2999-12-31")
    assert told(tiny, edited(verdict, "ranks", waiver=other)) == (
        "'ranks' is waived in it, and not in params.yaml",
    )


def test_a_waiver_that_had_ended_is_no_edit(tiny: Any) -> None:
    verdict = made(tiny, waivers=WAIVED)
    tiny.evaluation(metrics={"auc": {"value": 0.5, "low": 0.45, "high": 0.55}})
    (failed,) = rules.evaluate_rules(GateInputs.of(tiny.root), rules.read_policy(tiny.params))
    (late,) = waivers.apply_waivers([failed], tiny.params.gate.waivers, date(2999, 1, 2))
    assert late.advice != failed.advice
    assert told(tiny, changed(verdict, findings=(late, STEADY, TEST))) == ()


def test_no_word_decides(tiny: Any) -> None:
    verdict, told_otherwise = made(tiny), {"detail": "fewer model tests", "fix": "Look away."}
    bent = [changed(each, **told_otherwise) for each in verdict.findings]
    assert told(tiny, changed(verdict, findings=tuple(bent))) == ()
    assert combine_outcomes(bent) is verdict.outcome


def test_a_page_that_says_something_else_and_a_report_that_is_gone(tiny: Any) -> None:
    verdict = made(tiny)
    told(tiny, verdict)
    source = partial(read_stage_file, tiny.root)
    tiny.write(verdict_text.MARKDOWN, "# PASS")
    assert verdict_verification.find_discrepancies(
        verdict, source, tiny.params, None, lambda: 1
    ) == ("reports/gate/verdict.md says something else than it",)
    (tiny.root / layout.EVALUATION).unlink()
    (line,) = verdict_verification.find_discrepancies(verdict, source, tiny.params, None, lambda: 1)
    assert line.startswith("it cannot be decided again: reports/evaluate/evaluation.json")


def test_a_place_on_the_holdout_is_no_lower_than_history_shows(tiny: Any) -> None:
    recorded = made(tiny)
    (measured,) = (each for each in recorded.findings if each.rule == "ranks")
    assert measured.chance is not None
    enough = next(k for k in range(1, 1000) if pass_level(k, 0.95) < measured.chance) - 1
    assert enough > 2
    assert told(tiny, recorded, least=enough) == ()
    (line,) = told(tiny, recorded, least=enough + 1)
    assert line.startswith("'ranks' is PASS in it; the reports say INCONCLUSIVE: auc 0.8")
    assert f"of the {ordinal(enough + 1)} challenger on this holdout" in line
    # What says itself that it is so late was asked for as much.
    late = changed(recorded, holdout=HoldoutUse(challenger=enough + 1, confidence=0.95))
    assert told(tiny, late) == (line,)


def test_a_confidence_that_is_not_the_reports_is_an_edit(tiny: Any) -> None:
    other = changed(made(tiny), holdout=HoldoutUse(challenger=1, confidence=0.5))
    assert told(tiny, other) == ("its confidence is 0.5, the evaluation's 0.95",)


def test_where_challengers_cannot_be_counted_it_is_not_confirmed(tiny: Any) -> None:
    def least() -> int:
        raise NotARepository("the clone lacks older commits")

    verdict, source = made(tiny), partial(read_stage_file, tiny.root)
    tiny.write(verdict_text.MARKDOWN, verdict_text.render_markdown(verdict))
    (line,) = verdict_verification.find_discrepancies(verdict, source, tiny.params, None, least)
    assert "cannot be decided again: the clone lacks older commits" in line
