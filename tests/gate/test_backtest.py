"""``assay gate backtest`` on a repository with versions whose reports are committed."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import NotARepository, StageInputMissing
from assay.gate import backtest
from assay.gate.backtest import ReplayedVerdict, run
from assay.project import layout
from assay.project.params import Params
from assay.reports.verdict import Finding, Outcome
from tests.gate import build
from tests.gate.rules.test_reasons import WHOLE, explained
from tests.verdicts import verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def finding(outcome: Outcome, rule: str = "ranks", kind: Any = "rule") -> Finding:
    return Finding(rule=rule, kind=kind, outcome=outcome, detail=f"it was {outcome}")


def recorded(*findings: Finding) -> str:
    return verdict(*findings, name="tiny", candidate="prior").text()


class History:
    """A tiny project under git; each version keeps its reports and its verdict."""

    def __init__(self, tiny: Any) -> None:
        self.tiny = tiny
        self.git("init", "-q")
        self.count = 0

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.tiny.root, check=True, capture_output=True)

    def version(self, auc: float, *findings: Finding) -> None:
        """A version that had this AUC, give or take 0.01, and this verdict."""
        self.count += 1
        measured = {"auc": {"value": auc, "low": auc - 0.01, "high": auc + 0.01}}
        self.tiny.evaluation(metrics=measured)
        if findings:
            self.tiny.write(layout.VERDICT, recorded(*findings))
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", f"version {self.count}")
        self.git("tag", "-a", f"tiny@v0.{self.count}.0", "-m", "it is better")

    def policy(self, *rules: str, **others: str) -> Params:
        self.tiny.policy(*rules, **others)
        loaded: Params = self.tiny.params
        return loaded


@pytest.fixture
def history(tiny: Any) -> History:
    return History(tiny)


def told(history: History, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What ``assay gate backtest`` prints."""
    assert main(["gate", "backtest", *options, "--root", str(history.tiny.root)]) == 0
    return capsys.readouterr().out


RANKS = "name: ranks, metric: auc, min: 0.7"


def only(history: History, *rules: str, **others: str) -> ReplayedVerdict:
    """The one version under these rules, or the usual one."""
    (found,) = run(history.tiny.root, history.policy(*rules or (RANKS,), **others)).versions
    return found


def test_a_tighter_limit_flips_the_version_that_would_miss_it(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.version(0.72, finding(PASS))
    history.version(0.8, finding(PASS))
    params = history.policy("name: ranks, metric: auc, min: 0.75")
    found = run(history.tiny.root, params).versions
    assert [(each.version, each.before, each.now, each.flips) for each in found] == [
        ("v0.2.0", PASS, PASS, False),
        ("v0.1.0", PASS, FAIL, True),
    ]
    assert [each.title for each in found[1].flipped] == ["ranks"]
    out = " ".join(told(history, capsys).split())
    assert "Versions of tiny under the policy in params.yaml" in out
    assert "1 of 2 verdicts flip." in out
    assert "FAIL ranks: auc 0.72" in out
    assert "cannot be told" not in out


def test_a_laxer_limit_flips_the_other_way(history: History) -> None:
    history.version(0.72, finding(FAIL))
    found = only(history)
    assert (found.before, found.now, found.flips) == (FAIL, PASS, True)
    assert [(each.title, each.outcome) for each in found.flipped] == [("ranks", PASS)]


def test_the_same_policy_flips_nothing(history: History) -> None:
    history.version(0.8, finding(PASS))
    found = only(history)
    assert (found.flips, found.flipped, found.dropped) == (False, (), ())


def test_a_rule_that_is_dropped_is_named(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.version(0.8, finding(PASS), finding(FAIL, "another"))
    found = only(history)
    assert (found.before, found.now, found.flips) == (FAIL, PASS, True)
    assert [each.title for each in found.dropped] == ["another"]
    assert "no longer asked: another, which was FAIL" in " ".join(told(history, capsys).split())


def test_what_the_reports_of_the_time_lack_fails(history: History) -> None:
    history.version(0.8, finding(PASS))
    found = only(history, RANKS, "name: sharp, metric: brier, max: 0.1")
    assert (found.now, [each.title for each in found.flipped]) == (FAIL, ["sharp"])


@pytest.mark.parametrize(
    ("kept", "now"),
    [
        (finding(PASS, "t::a", "test"), PASS),
        (finding(FAIL, "t::a", "test"), FAIL),
        (finding(INCONCLUSIVE, "later is worse", "behaviour"), INCONCLUSIVE),
        (finding(FAIL, "an old rule"), PASS),
    ],
)
def test_tests_and_behaviours_keep_what_they_came_to_and_rules_do_not(
    history: History, kept: Finding, now: Outcome
) -> None:
    history.version(0.8, finding(PASS), kept)
    assert only(history).now is now


def test_a_champion_that_could_not_be_compared_with_still_fails(history: History) -> None:
    history.tiny.comparison(build.alone("unreadable", "gone"))
    history.version(0.8, finding(PASS))
    found = only(history)
    assert found.now is FAIL
    assert [each.title for each in found.flipped] == ["the champion can be compared with"]


def test_waivers_of_today_count(history: History) -> None:
    history.version(0.5, finding(FAIL), finding(PASS, "t::a", "test"))
    for year, now in (("2999", PASS), ("1999", FAIL)):
        waiver = f'[{{rule: ranks, because: so, owner: us, until: "{year}-01-01"}}]'
        found = only(history, waivers=waiver)
        assert (found.before, found.now) == (FAIL, now)


def test_a_version_without_a_verdict_cannot_be_told(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.version(0.8)
    found = only(history)
    assert (found.before, found.now, found.flips) == (None, None, False)
    assert found.problem is not None and layout.VERDICT in found.problem
    out = " ".join(told(history, capsys).split())
    assert "0 of 1 verdicts flip. 1 cannot be told." in out
    assert "git holds no such file at that commit" in out


def test_a_version_without_a_comparison_cannot_be_told(history: History) -> None:
    (history.tiny.root / layout.COMPARISON).unlink()
    history.version(0.8, finding(PASS))
    one = only(history)
    assert (one.before, one.now, one.flips) == (PASS, None, False)
    assert one.problem is not None and layout.COMPARISON in one.problem


def test_as_json(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    history.version(0.72, finding(PASS), finding(FAIL, "another"))
    history.policy("name: ranks, metric: auc, min: 0.75")
    out = told(history, capsys, "--json")
    assert out.endswith("\n}\n")
    tree = json.loads(out)
    assert tree["schema"] == 1
    (one,) = tree["versions"]
    assert list(one) == [
        *("version", "at", "before", "now", "flips", "flipped", "dropped", "problem")
    ]
    assert (one["version"], one["before"], one["now"], one["flips"]) == (
        *("v0.1.0", "FAIL", "FAIL"),
        False,
    )
    assert len(one["at"]) == len("2020-01-01")
    assert [each["rule"] for each in one["flipped"]] == ["ranks"]
    assert [each["rule"] for each in one["dropped"]] == ["another"]
    assert one["problem"] is None


def test_what_cannot_be_told_is_null_in_json(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.version(0.8)
    history.policy(RANKS)
    (one,) = json.loads(told(history, capsys, "--json"))["versions"]
    assert (one["before"], one["now"]) == (None, None)


def test_no_version_yet(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    history.git("commit", "-q", "--allow-empty", "-m", "start")
    assert run(history.tiny.root, history.tiny.params).versions == ()
    assert told(history, capsys) == (
        "tiny: no version yet, so there is nothing to test the policy on.\n"
    )


def test_no_repository(tiny: Any) -> None:
    with pytest.raises(NotARepository):
        run(tiny.root, tiny.params)


def test_the_work_tree_is_not_looked_at(history: History) -> None:
    history.version(0.8, finding(PASS))
    history.tiny.evaluation(metrics={"auc": {"value": 0.1, "low": 0.1, "high": 0.1}})
    assert only(history).now is PASS


def test_a_finding_that_blocked_and_still_does_is_no_flip() -> None:
    texts = {
        layout.VERDICT: recorded(finding(FAIL)),
        layout.COMPARISON: json.dumps(build.alone("none").tree()),
    }

    def source(name: str, stage: str) -> str:
        if name not in texts:
            raise StageInputMissing(f"{stage} has not run", where=name)
        return texts[name]

    found = backtest.replay("v1", "2020-01-01", source, build.gate(build.rule(metric="f1", min=0)))
    assert (found.before, found.now, found.flips) == (FAIL, FAIL, False)
    assert (found.flipped, found.dropped) == ((), ())


def test_of_two_findings_in_one_place_each_is_held_against_its_own() -> None:
    texts = {
        layout.VERDICT: recorded(finding(FAIL), finding(PASS)),
        layout.COMPARISON: json.dumps(build.alone("none").tree()),
        layout.EVALUATION: json.dumps(explained(WHOLE).tree()),
    }
    rule = build.rule(name="ranks", kind="reasons", never=("hour", "flight"), first=1)
    found = backtest.replay("v1", "2020-01-01", lambda name, _: texts[name], build.gate(rule))
    assert (found.now, found.flipped) == (FAIL, ())


def test_the_table_as_people_see_it(
    history: History, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ranks" + "x" * 60
    monkeypatch.setenv("COLUMNS", "60")
    history.version(0.8)
    history.version(0.72, finding(PASS))
    history.policy(f"name: {name}, metric: auc, min: 0.75")
    out = told(history, capsys)
    assert out.count("flips") >= 1 and "yes" in out
    assert out.count("x") >= 60  # no letter is lost
    assert out.splitlines()[-1] == "1 of 2 verdicts flip. 1 cannot be told."


CONTRACT = "name: kept, kind: contract, max_bad_share: 0.01"


@pytest.mark.parametrize("outcome", [PASS, FAIL])
def test_a_rule_on_the_contract_keeps_what_its_verdict_says(
    history: History, outcome: Outcome
) -> None:
    (history.tiny.root / "reports/contract/result.json").unlink()  # as git does not keep it
    history.version(0.8, finding(PASS), finding(outcome, "kept"))
    found = only(history, RANKS, CONTRACT)
    assert (found.before, found.now, found.flips) == (outcome, outcome, False)


def test_a_new_rule_on_the_contract_decides_nothing_about_the_past(history: History) -> None:
    history.version(0.8, finding(PASS))
    found = only(history, RANKS, CONTRACT)
    assert (found.now, found.flips) == (PASS, False)
