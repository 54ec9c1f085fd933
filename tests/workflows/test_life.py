"""One model's whole life, by the workflows that people copy: every run is a new runner."""

from __future__ import annotations

import re

from tests.workflows.world import World


def test_a_whole_life(team: World) -> None:
    team.start()

    # A worse model is blocked, and the comment says why.
    team.branch("worse")
    team.keep_candidate("prior")
    team.commit("Guess")
    worse = team.open_pull("Guess always the same")
    blocked = team.gate(worse, job="gate")
    assert blocked.code != 0
    (comment,) = team.comments(worse)
    assert "FAIL" in comment.splitlines()[1] + comment.splitlines()[2]
    assert "ranks late parcels first" in comment

    # A better one passes: what its author trained is judged anew, and not trained again.
    team.branch("better")
    team.keep_candidate("logistic")
    team.call("dvc", "repro")
    team.call("dvc", "push")
    team.commit("Regress")
    better = team.open_pull("Learn from distance & weight")
    passed = team.gate(better)
    assert passed.code == 0, passed.output
    (comment,) = team.comments(better)
    assert "PASS" in comment
    assert "Running stage 'train" not in passed.output
    for stage in (
        "contract",
        "prepare",
        "leakage",
        "evaluate",
        "compare",
        "nights",
        "rehearse",
        "gate",
    ):
        assert f"Running stage '{stage}'" in passed.output
    assert (team.kept / "reports" / "reports" / "gate" / "verdict.json").is_file()

    # Merged and approved, it is promoted; the tag names who approved.
    merged = team.merge(better, "squash")
    done = team.promote(merged)
    assert done.code == 0, done.output
    assert team.tags() == ["parcels#prod#1", "parcels@v0.1.0"]
    assert "By: linus <1003+linus@users.noreply.github.com>" in team.tag("parcels#prod#1")

    # Three nights: one that is named, and two at once, because a run was missed.
    first = team.night("2024-03-01", "2024-03-01")
    assert first.code == 0, first.output
    due = team.night("2024-03-03")
    assert due.code == 0, due.output
    assert team.published() == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert team.issues() == []

    # No rule says to train again, so nobody is bothered.
    asked = team.retrain()
    assert asked.code == 0, asked.output
    assert "Put it before people" not in asked.ran

    # A bad night is held: the rest runs all the same, and an issue tells people.
    held = team.night("2024-03-04")
    assert held.code != 0
    assert held.failed == ["Score what is due"], held.output
    assert {"Take the labels that arrived", "Monitor", "Keep the issues up to date"} <= {*held.ran}
    (issue,) = team.issues()
    assert "2024-03-04" in issue
    again = team.night("2024-03-04")
    assert team.issues() == [issue], again.output

    # A person looks and releases it; the next run closes the issue.
    (run,) = re.findall(r"\d{8}T\d{6}Z-[0-9a-f]{8}", str(team.hub.issues))[:1]
    team.call("git", "fetch", "--quiet", "--tags", "origin")
    team.call("assay", "release", run, "--because", "a holiday")
    released = team.night("2024-03-05")
    assert released.code == 0, released.output
    assert (team.issues(), team.issues("closed")) == ([], [issue])
    assert team.published()[-1] == "2024-03-05"

    # The world changes: scores drift, and what was late is on time.
    drifted = team.night("2024-03-08")
    assert "Monitor" in drifted.failed, drifted.output
    assert len(team.issues()) == 2  # the answers, and the features

    # The rules say to train again: a pull request with the gate's comment, and no promotion.
    retrained = team.retrain()
    assert retrained.code == 0, retrained.output
    (number,) = (
        each["number"]
        for each in team.hub.pulls.values()
        if (each["state"], each["head"]["ref"]) == ("open", "assay/retrain")
    )
    assert "2024-03-08" in team.hub.pulls[number]["title"]
    assert len(team.comments(number)) == 1
    assert team.hub.started == [("gate.yml", "assay/retrain")]
    assert team.tags() == ["parcels#prod#1", "parcels@v0.1.0"]

    # Judged, merged and approved like any other; then somebody goes back to the version before.
    team.fetch_proposal(number)
    judged = team.gate_again(number)
    assert judged.code == 0, judged.output
    done = team.promote(team.merge(number, "rebase"))
    assert done.code == 0, done.output
    assert team.tags()[-1] == "parcels@v0.2.0"
    back = team.rollback("it is worse; $(touch pwned)")
    assert back.code == 0, back.output
    told = team.tag("parcels#prod#3")
    assert "Kind: rollback" in told and "Because: it is worse; $(touch pwned)" in told
    assert "prod: v0.1.0" in told
    assert not list(team.folder.rglob("pwned"))
