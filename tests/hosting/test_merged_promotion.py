"""`assay promote --merged`: what a pull request was judged on, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.errors import CodeHostFailed, PromotionRefused, UsageError
from assay.hosting.promotion import NothingToPromote, rollback_approved
from assay.project import layout
from assay.registry import versions
from tests.code_host import TOKEN

NAME = "late-flights"


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_what_was_judged_is_promoted_however_it_was_merged(team: Any, how: str) -> None:
    number = team.judged("two")
    commit = team.merge(number, how)
    team.hub.approve("linus")
    moved = team.promote()
    assert (moved.done, moved.version.commit) == ("promoted", commit)
    assert moved.version.by == "linus <1003+linus@users.noreply.github.com>"
    assert moved.version.why == f"pull request #{number}: Better"
    assert team.tags() == [f"{NAME}#prod#1", f"{NAME}@v0.1.0"]
    # Running it again, as after a runner that was killed, does nothing.
    assert isinstance(team.promote(), NothingToPromote)
    assert team.tags() == [f"{NAME}#prod#1", f"{NAME}@v0.1.0"]


def test_without_a_reviewer_the_tag_names_who_merged(team: Any) -> None:
    team.merge(team.judged("two"))
    assert team.promote().version.by.startswith("grace <1002+grace@")


def test_a_title_with_shell_and_lines_in_it_stays_a_title(
    team: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evil = "$(touch pwned) `id`; rm -rf ~\nKind: rollback\nBy: root <root@x>"
    team.merge(team.judged("two", evil))
    moved = team.promote()
    assert moved.version.by.startswith("grace <")
    assert "Kind: rollback By: root" in moved.version.why
    assert not [*tmp_path.rglob("pwned")]
    (history,) = versions.read_state(team.project.root, NAME).histories["prod"]
    assert history.kind == "promote"


def test_a_commit_without_a_pull_request_is_refused(team: Any) -> None:
    team.project.train("two")
    team.project.judge()
    team.project.commit("straight to main")
    assert "no gate judged it in CI" in team.refused()


def test_a_pull_request_whose_gate_failed_or_never_ran_is_refused(team: Any) -> None:
    team.merge(team.judged("two", passed=False))
    assert "the check 'gate' did not pass" in (told := team.refused()) and "failure" in told
    team.hub.checks.clear()
    assert "no such check" in team.refused()


def test_a_check_of_somebody_else_does_not_count(team: Any) -> None:
    number = team.judged("two", passed=False)
    team.merge(number)
    head = team.hub.pulls[number]["head"]["sha"]
    forged = {"name": "gate", "head_sha": head, "conclusion": "success", "app": {"slug": "mine"}}
    team.hub.checks[:] = [forged]
    assert "no such check" in team.refused()


def test_what_was_changed_after_the_judgement_is_refused(team: Any) -> None:
    number = team.judged("two")
    team.project.train("three")
    team.project.judge()
    team.project.commit("one more thing")
    head = team.hub.pulls[number]["head"]["sha"]
    team.hub.pulls[number]["head"]["sha"] = team.project.git("rev-parse", "HEAD")
    team.merge(number)
    team.hub.pulls[number]["head"]["sha"] = head
    told = team.refused()
    assert "what was merged is not what was judged" in told
    # The host and git disagree about what the pull request is.
    team.project.git("push", "--quiet", "--force", "origin", "HEAD:refs/pull/1/head")
    assert "changed while it was looked at" in team.refused()


def test_of_two_merges_at_once_the_second_is_refused(team: Any) -> None:
    """Both were judged while nobody held the stage."""
    first, second = team.judged("two"), team.judged("three")
    team.merge(first)
    team.promote()
    head = team.hub.pulls[second]["head"]["sha"]
    # As a merge that takes the second's files wholesale.
    team.project.git("merge", "--quiet", "-X", "theirs", "--message", "both", head)
    team.project.dvc("checkout", "--quiet")
    team.hub.merged(second, team.project.git("rev-parse", "HEAD"), "grace")
    assert "another champion" in team.refused()
    assert len(team.tags()) == 2


def test_a_tag_that_origin_got_meanwhile_is_not_overwritten(team: Any) -> None:
    team.merge(team.judged("two"))
    elsewhere = team.project.git("rev-parse", "HEAD~1")
    team.project.git("push", "--quiet", "origin", f"{elsewhere}:refs/tags/{NAME}#prod#1")
    with pytest.raises(PromotionRefused, match="somebody else promoted") as caught:
        team.promote()
    assert f"{NAME}#prod#1" in str(caught.value)
    # None of the two is there, and this clone does not believe it promoted.
    assert team.tags() == [f"{NAME}#prod#1"]
    assert team.project.tag_names() == set()


def test_a_push_that_fails_is_made_up_for_by_the_next_call(team: Any) -> None:
    team.merge(team.judged("two"))
    hook = team.origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no room left >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(CodeHostFailed, match="no room left"):
        team.promote()
    assert team.tags() == []
    hook.unlink()
    assert isinstance(team.promote(), NothingToPromote)
    assert len(team.tags()) == 2


def test_a_host_that_fails_says_so_and_nothing_is_promoted(team: Any) -> None:
    team.merge(team.judged("two"))
    team.hub.refuse("GET .*/pulls$", 403)
    with pytest.raises(CodeHostFailed) as caught:
        team.promote()
    assert TOKEN not in str(caught.value)
    assert team.tags() == []
    team.hub.heal()
    assert team.promote().done == "promoted"


def test_a_commit_without_a_verdict_is_refused(team: Any) -> None:
    team.project.git("rm", "--quiet", layout.VERDICT)
    team.project.commit("gone")
    assert "holds no verdict" in team.refused()


def test_on_a_laptop_it_says_what_to_type_instead(
    team: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY")
    with pytest.raises(UsageError, match=r"no run of GitHub .*promote --because"):
        team.promote()


def test_a_rollback_names_who_approved_it(team: Any) -> None:
    team.merge(team.judged("two"))
    team.promote()
    team.merge(team.judged("three"))
    team.promote()
    team.hub.approve("linus")
    root, values = team.project.root, team.project.params
    moved = rollback_approved(root, values, to=None, because="too high")
    assert (moved.done, moved.version.version) == ("rolled back", "v0.1.0")
    *_, last = versions.read_state(root, NAME).histories["prod"]
    assert last.by.startswith("linus <1003+linus@") and last.why == "too high"
