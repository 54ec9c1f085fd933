"""What `tests/hosting/test_merged_promotion.py` and `test_proposal.py` hold, on GitLab."""

from __future__ import annotations

from typing import Any

import pytest

from assay.hosting import promotion
from assay.hosting.promotion import BRANCH, NothingToPromote, propose, rollback_approved
from assay.registry import versions
from tests.code_host import TOKEN
from tests.hosting.test_proposal import trained

NAME = "late-flights"


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_what_was_judged_is_promoted_by_who_merged(lab: Any, how: str) -> None:
    number = lab.judged("two")
    commit = lab.merge(number, how)
    moved = lab.promote()
    assert (moved.done, moved.version.commit) == ("promoted", commit)
    assert moved.version.by == "grace <1002-grace@users.noreply.gitlab.com>"
    assert moved.version.why == f"merge request !{number}: Better"
    assert isinstance(lab.promote(), NothingToPromote)
    assert lab.tags() == [f"{NAME}#prod#1", f"{NAME}@v0.1.0"]


def test_a_gate_that_failed_is_no_gate_although_the_pipeline_passed(lab: Any) -> None:
    """A job with `allow_failure`, for what was not judged, leaves its pipeline green."""
    lab.merge(lab.judged("two", passed=False))
    told = lab.refused()
    assert "the check 'gate' did not pass" in told and "failed" in told and "!1" in told


@pytest.mark.parametrize("odd", [{"project_id": 8}, {"source": "push"}, {"sha": "0" * 40}])
def test_a_pipeline_of_a_fork_of_a_branch_or_of_another_commit_does_not_count(
    lab: Any, odd: dict[str, Any]
) -> None:
    lab.merge(lab.judged("two"))
    lab.hub.checks[0]["pipeline"] = odd
    assert "no such check" in lab.refused()


def test_the_newest_pipeline_counts(lab: Any) -> None:
    number = lab.judged("two")
    lab.merge(number)
    head = lab.hub.pulls[number]["head"]["sha"]
    lab.hub.checks.append({"name": "gate", "head_sha": head, "conclusion": "failure"})
    assert "did not pass" in lab.refused()


def test_what_was_changed_after_the_judgement_is_refused(lab: Any) -> None:
    number = lab.judged("two")
    lab.merge(number)
    lab.project.git("push", "--quiet", "--force", "origin", "HEAD~1:refs/merge-requests/1/head")
    assert "changed while it was looked at" in lab.refused()


def test_an_approval_by_somebody_else_is_asked_for_where_it_has_to_be(lab: Any) -> None:
    text = (lab.project.root / "params.yaml").read_text(encoding="utf-8")
    lab.project.write("params.yaml", f"{text}registry: {{require_approval: true}}\n")
    lab.project.commit("Ask for an approval")
    number = lab.judged("two")
    lab.merge(number)
    assert "nobody but its authors approved" in lab.refused()
    lab.hub.review(number, "linus", approved_at="2024-02-29T00:00:00Z")
    assert lab.promote().done == "promoted"


def test_a_rollback_names_who_started_the_job(lab: Any) -> None:
    for marker in ("two", "three"):
        lab.merge(lab.judged(marker))
        lab.promote()
    root, values = lab.project.root, lab.project.params
    assert rollback_approved(root, values, to=None, because="too high").version.version == "v0.1.0"
    *_, last = versions.read_state(root, NAME).histories["prod"]
    assert last.by == "ada <1001-ada@users.noreply.gitlab.com>"


def test_what_was_trained_is_one_merge_request_with_the_gate_s_comment(lab: Any) -> None:
    trained(lab, "two")
    found = propose(lab.project.root, lab.project.params)
    assert (found.branch, found.outcome, found.judged_again) == (BRANCH, "PASS", True)
    assert lab.hub.pulls[found.number]["title"].startswith("Train on 2013-01-01")
    trained(lab, "three")
    assert propose(lab.project.root, lab.project.params).number == found.number
    assert [*lab.hub.pulls] == [found.number]
    assert len(lab.hub.on(found.number)) == 1
    head = lab.project.git("ls-remote", "origin", f"refs/heads/{BRANCH}").split()[0]
    assert lab.project.git("log", "-1", "--format=%an", head) == "assay"


def test_git_gets_the_token_for_the_server_alone_and_in_its_environment(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert promotion._credentials() == {}  # loopback is no https
    monkeypatch.setenv("CI_SERVER_URL", "https://gitlab.example.com")
    given = promotion._credentials()
    assert given["GIT_CONFIG_KEY_0"] == "http.https://gitlab.example.com/.extraheader"
    assert TOKEN not in str(given)
