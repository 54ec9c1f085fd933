"""`assay propose`: one branch, one pull request, one comment, whatever was killed before."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from assay.errors import CodeHostFailed, GateNotPassed
from assay.hosting.promotion import BRANCH, propose
from assay.reports.verdict import Outcome
from tests.advice import retrain_advice


def trained(team: Any, marker: str, outcome: Outcome = Outcome.PASS) -> None:
    team.project.git("checkout", "--quiet", "--detach", "main")
    team.project.train(marker)
    team.project.judge(outcome)


def say(team: Any) -> Any:
    return propose(team.project.root, team.project.params)


def test_what_was_trained_is_one_pull_request_with_the_gate_s_comment(team: Any) -> None:
    trained(team, "two")
    evil = "auc is **not** <b>0.6</b> @all"
    retrain_advice(evil).write(team.project.root)
    team.project.write(".gitignore", "/models\n/data/prepared\n/.assay\n/reports/retrain.json\n")
    other = team.hub.pull("Somebody's", "theirs", team.project.git("rev-parse", "HEAD"))
    found = say(team)
    assert (found.branch, found.outcome, found.judged_again) == (BRANCH, "PASS", True)
    assert [*team.hub.pulls] == [other, found.number]
    pull = team.hub.pulls[found.number]
    assert pull["title"].startswith("Train on 2013-01-01 to 2013-01-31, judge on 2013-02-01")
    assert "Nothing is promoted before a person has merged this" in pull["body"]
    assert "<b>" not in pull["body"] and "**not**" not in pull["body"]
    assert "\n- auc is" in pull["body"].replace("\\", "")
    assert len(team.hub.on(pull["number"])) == 1
    assert team.hub.started == [("gate.yml", BRANCH)]
    head = team.project.git("ls-remote", "origin", f"refs/heads/{BRANCH}").split()[0]
    author = team.project.git("log", "-1", "--format=%an %ae", head)
    assert author == "github-actions[bot] 41898282+github-actions[bot]@users.noreply.github.com"
    assert team.tags() == []

    # The next time the same pull request is brought up to date, whatever became of its words.
    before, pull["title"] = pull["title"], "Old"
    pull["body"] = ""
    trained(team, "three", Outcome.FAIL)
    again = say(team)
    assert (again.number, again.outcome) == (pull["number"], "FAIL")
    assert pull["title"] == before and "Nothing is promoted before" in pull["body"]
    assert [*team.hub.pulls] == [other, pull["number"]]
    assert team.hub.pulls[other]["title"] == "Somebody's"
    assert len(team.hub.on(pull["number"])) == 1
    assert team.project.git("ls-remote", "origin", f"refs/heads/{BRANCH}").split()[0] != head


def test_nothing_new_is_no_pull_request(team: Any) -> None:
    nothing = {"number": None, "branch": BRANCH, "outcome": None, "judged_again": False}
    assert asdict(say(team)) == nothing
    assert team.hub.pulls == {}


def test_without_a_verdict_there_is_nothing_to_propose(team: Any) -> None:
    team.project.train("two")
    with pytest.raises(GateNotPassed, match="has not judged what is here"):
        say(team)
    assert team.hub.pulls == {}


@pytest.mark.parametrize("step", ["POST .*/pulls$", "POST .*/comments$", "GET .*/pulls$"])
def test_a_call_that_failed_half_way_is_fixed_by_the_next_run(team: Any, step: str) -> None:
    trained(team, "two")
    team.hub.refuse(step, 422)
    with pytest.raises(CodeHostFailed):
        say(team)
    team.hub.heal()
    trained(team, "two")  # a new runner trains the same again
    number = say(team).number
    assert [*team.hub.pulls] == [number]
    assert len(team.hub.on(number)) == 1


def test_a_check_that_may_not_be_started_is_said(
    team: Any, caplog: pytest.LogCaptureFixture
) -> None:
    trained(team, "two")
    team.hub.refuse("POST .*/dispatches", 403)
    assert not say(team).judged_again
    assert "close the pull request and open it again" in caplog.text
