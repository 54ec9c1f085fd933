"""One model's life by the workflows that people copy: every run is a new runner.

The tests are in the order in which a team meets what they are about, each in the world that the one
before it left. `make test` runs the first two, `make test-workflows` all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import s3
from tests.workflows import parcels
from tests.workflows.world import BUCKET, TABLE, World, world


@pytest.fixture(scope="module")
def team(endpoint: str, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        s3.use(endpoint, BUCKET, patch)
        with world(tmp_path_factory.mktemp("life"), endpoint, tools) as made:
            made.start()
            yield made


def test_a_model_is_judged_and_promoted(team: World) -> None:
    """What its author trained is judged anew, and not trained again."""
    team.branch("better")
    team.keep_candidate("linear")
    team.call("dvc", "repro")
    team.call("dvc", "push")
    team.commit("Regress")
    better = team.open_pull("Learn from distance & weight")
    passed = team.gate(better)
    assert passed.code == 0, passed.output
    (comment,) = team.comments(better)
    assert "PASS" in comment
    assert "Running stage 'train" not in passed.output
    assert "role reader" in passed.output and "role writer" not in passed.output
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

    # Merged, it is planned for the first night, on the laptop, which has the night's rows already.
    merged = team.merge(better, "squash")
    parcels.write(team.laptop / TABLE, "2024-03-01")
    team.call("assay", "stage", "ingest")
    team.call("assay", "plan", "--from", "2024-03-01", "--to", "2024-03-01")

    # Approved, it is promoted; the tag names who approved. The plan waits for a runner with rows.
    done = team.promote(merged)
    assert done.code == 0, done.output
    assert "2024-03-01 is left as it is: its input cannot be looked at here" in done.output
    assert team.tags() == ["parcels#prod#1", "parcels@v0.1.0"]
    assert "By: linus <1003+linus@users.noreply.github.com>" in team.tag("parcels#prod#1")

    # What leaves the model alone is green at once: nothing is pulled, trained or judged.
    team.branch("words")
    (team.laptop / "README.md").write_text("# Parcels\n")
    team.commit("Say what it is")
    words = team.open_pull("Say what it is")
    told = team.gate(words, job="judge")
    assert told.code == 0, told.output
    assert "Is the model a promoted version's?" in told.ran
    assert not {"Get what was trained elsewhere", "Judge it anew"} & {*told.ran}
    assert "the model is unchanged: v0.1.0" in team.comments(words)[0].splitlines()[2]


def test_nights_are_scored_and_a_bad_one_is_held(team: World) -> None:
    """The first was planned, and is published as it is; the next are scored. Then some are named;
    the rest of the run goes on all the same, and an issue tells people.
    """
    planned = json.loads((team.laptop / "reports/plan/plan.json").read_text())
    (night,) = planned["nights"]
    first = team.night("2024-03-02")
    assert first.code == 0, first.output
    assert "1 night of v0.1.0 published as planned, 50 rows, none scored again" in first.output
    runs = team.runs()
    assert [*runs] == ["2024-03-01", "2024-03-02"]
    assert (runs["2024-03-01"], planned["version"]) == (night["run_id"], "v0.1.0")

    held = team.night("2024-03-04", "2024-03-01", "2024-03-04")
    assert held.failed == ["Score what was named"], held.output
    assert team.published() == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert {"Take the labels that arrived", "Monitor", "Keep the issue up to date"} <= {*held.ran}
    (issue,) = team.issues()
    assert "2024-03-04" in issue


def test_once_a_person_released_it_the_next_run_closes_the_issue(team: World) -> None:
    (issue,) = team.issues()
    (run,) = re.findall(r"\d{8}T\d{6}Z-[0-9a-f]{8}", str(team.hub.issues))[:1]
    team.call("git", "fetch", "--quiet", "--tags", "origin")
    team.call("assay", "release", run, "--because", "a holiday")
    released = team.night("2024-03-05")
    assert released.code == 0, released.output
    assert (team.issues(), team.issues("closed")) == ([], [issue])
    assert team.published()[-2:] == ["2024-03-04", "2024-03-05"]


def test_a_worse_model_is_blocked_and_the_comment_says_why(team: World) -> None:
    team.branch("worse")
    team.call("git", "checkout", ":/^Start", "--", "params.yaml")
    team.keep_candidate("prior")
    team.commit("Guess")
    worse = team.open_pull("Guess always the same")
    blocked = team.gate(worse, job="judge")
    assert blocked.code != 0
    (comment,) = team.comments(worse)
    assert "FAIL" in comment.splitlines()[1] + comment.splitlines()[2]
    assert "better than always saying the same" in comment


def test_as_long_as_no_rule_says_to_train_again_nobody_is_bothered(team: World) -> None:
    asked = team.retrain()
    assert asked.code == 0, asked.output
    assert "Put it before people" not in asked.ran


def test_when_the_world_changes_a_new_model_is_put_before_people(team: World) -> None:
    """Scores drift, and what was late is on time."""
    drifted = team.night("2024-04-20")
    assert "Monitor" in drifted.failed, drifted.output
    assert team.issues()

    # The rules say to train again: a pull request with the gate's comment, and no promotion.
    retrained = team.retrain()
    assert retrained.code == 0, retrained.output
    number = team.proposal()
    assert "2024-04-20" in team.hub.pulls[number]["title"]
    assert len(team.comments(number)) == 1
    assert team.hub.started == [("gate.yml", "assay/retrain")]
    assert team.tags() == ["parcels#prod#1", "parcels@v0.1.0"]


def test_it_is_judged_merged_and_approved_like_any_other_and_taken_back(team: World) -> None:
    number = team.proposal()
    team.fetch_proposal(number)
    judged = team.gate_again(number)
    assert judged.code == 0, judged.output
    asked = "Say what it would change in real nights"
    assert asked in judged.ran and asked not in judged.failed
    done = team.promote(team.merge(number, "rebase"))
    assert done.code == 0, done.output
    assert team.tags()[-1] == "parcels@v0.2.0"
    assert "Publish the nights as they were planned" in done.ran
    back = team.rollback("it is worse; $(touch pwned)")
    assert back.code == 0, back.output
    told = team.tag("parcels#prod#3")
    assert "Kind: rollback" in told and "Because: it is worse; $(touch pwned)" in told
    assert "prod: v0.1.0" in told
    assert not list(team.folder.rglob("pwned"))
