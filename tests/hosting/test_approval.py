"""`registry.require_approval`: nothing is promoted that only its authors have seen."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import CodeHostFailed, PromotionRefused
from assay.hosting.gitlab_run import merge_request_approver
from assay.promotion.promote import promote
from assay.registry import tags
from assay.registry.git import tags as git_tags
from tests.code_host import TOKEN

NAME = "late-flights"
NOBODY = "nobody but its authors approved what is promoted"


@pytest.fixture
def strict(team: Any) -> Any:
    """A team whose params.yaml on main asks for an approval."""
    text = (team.project.root / "params.yaml").read_text(encoding="utf-8")
    team.project.write("params.yaml", f"{text}registry: {{require_approval: true}}\n")
    team.project.commit("Ask for an approval")
    return team


@pytest.fixture
def strict_lab(strict: Any, lab: Any) -> Any:
    """The same in a job of GitLab CI."""
    return strict


def approved(root: Path) -> str | None:
    (found,) = (each for each in git_tags(root) if each.name == f"{NAME}#prod#1")
    return tags.read_trailers(found.body).get("Approved")


def by_hand(team: Any) -> Any:
    return promote(
        team.project.root,
        team.project.params,
        because="it ranks",
        ask_host=merge_request_approver,
    )


def tag_as(team: Any, who: str, commit: str, name: str = "approved/better") -> None:
    person = {"GIT_COMMITTER_NAME": who, "GIT_COMMITTER_EMAIL": f"{who.lower()}@example.com"}
    subprocess.run(
        ["git", "tag", "--annotate", name, "--message", "Looked at", commit],
        cwd=team.project.root,
        env={**os.environ, **person},
        check=True,
    )


def test_a_review_by_somebody_else_is_enough_and_the_tag_names_them(strict: Any) -> None:
    number = strict.judged("two")
    strict.hub.review(number, "linus")
    strict.merge(number)
    assert strict.promote().done == "promoted"
    assert approved(strict.project.root) == "linus <1003+linus@users.noreply.github.com>"


def test_without_a_review_nothing_is_promoted(strict: Any) -> None:
    strict.merge(strict.judged("two"))
    told = strict.refused()
    assert NOBODY in told and "registry.require_approval" in told


def test_where_none_is_asked_for_none_is_needed(team: Any) -> None:
    team.merge(team.judged("two"))
    assert team.promote().done == "promoted"
    assert approved(team.project.root) is None


@pytest.mark.parametrize(
    "what",
    ["the author", "who pushed to it", "an app", "a reader", "an old commit", "withdrawn",
     "a comment"],
)  # fmt: skip
def test_what_is_no_review_by_somebody_else_does_not_count(strict: Any, what: str) -> None:
    number = strict.judged("two")
    hub = strict.hub
    if what == "who pushed to it":
        hub.pulls[number]["commits"].append("linus")
    if what == "a reader":
        hub.readers.add("linus")
    more = {
        "an app": {"user": {"login": "linus", "id": 1003, "type": "Bot"}},
        "an old commit": {"commit_id": "0" * 40},
        "a comment": {"state": "COMMENTED"},
    }
    hub.review(number, "ada" if what == "the author" else "linus", **more.get(what, {}))
    if what == "withdrawn":
        hub.review(number, "linus", "CHANGES_REQUESTED")
    strict.merge(number)
    assert NOBODY in strict.refused()


def test_a_comment_afterwards_leaves_an_approval_as_it_is(strict: Any) -> None:
    number = strict.judged("two")
    strict.hub.review(number, "linus")
    strict.hub.review(number, "linus", "COMMENTED")
    strict.merge(number)
    assert strict.promote().done == "promoted"


def test_who_approved_the_run_counts_unless_it_is_the_author(strict: Any) -> None:
    strict.merge(strict.judged("two"))
    strict.hub.approve("ada")
    assert NOBODY in strict.refused()
    strict.hub.approve("linus")
    assert strict.promote().done == "promoted"


def test_on_a_laptop_a_tag_by_somebody_else_is_needed(
    strict: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    strict.merge(strict.judged("two"))
    strict.hub.review(1, "linus")  # a laptop asks no host
    root, head = strict.project.root, strict.project.git("rev-parse", "HEAD")
    assert main(["promote", "--because", "it ranks", "--root", str(root)]) == 42
    assert f"git tag --annotate approved/{head[:10]} --message WHY" in capsys.readouterr().err
    tag_as(strict, "Ada", head, "approved/mine")
    with pytest.raises(PromotionRefused, match=NOBODY):
        by_hand(strict)
    tag_as(strict, "Linus", head)
    assert by_hand(strict).done == "promoted"
    assert approved(root) == "Linus <linus@example.com>"


def test_a_tag_on_the_pull_request_counts_after_the_merge_and_of_another_verdict_not(
    strict: Any,
) -> None:
    first, second = strict.judged("two"), strict.judged("three")
    tag_as(strict, "Linus", strict.hub.pulls[first]["head"]["sha"])
    strict.merge(second)
    assert NOBODY in strict.refused()
    tag_as(strict, "Linus", strict.hub.pulls[second]["head"]["sha"], "approved/three")
    assert strict.promote().done == "promoted"


def test_an_override_overrules_the_gate_and_not_the_approval(strict: Any) -> None:
    strict.merge(strict.judged("two"))
    with pytest.raises(PromotionRefused, match=NOBODY):
        promote(strict.project.root, strict.project.params, because="now", override=True)


@pytest.mark.parametrize(
    ("who", "when", "counts"),
    [
        ("linus", "2024-02-28T09:00:01.000Z", True),
        ("ada", "2024-02-28T09:00:01.000Z", False),
        ("linus", "2024-02-28T08:59:59.000Z", False),  # then somebody pushed
        ("linus", None, False),
    ],
)
def test_gitlab_is_asked_for_approvals_of_the_newest_commits(
    strict_lab: Any, who: str, when: str | None, counts: bool
) -> None:
    number = strict_lab.judged("two")
    strict_lab.hub.review(number, who, approved_at=when)
    strict_lab.merge(number)
    if not counts:
        with pytest.raises(PromotionRefused, match=NOBODY):
            by_hand(strict_lab)
        return
    root = strict_lab.project.root
    assert main(["promote", "--because", "it ranks", "--root", str(root)]) == 0
    assert approved(root) == f"linus in https://gitlab.example/mr/{number}"


def test_gitlab_without_a_token_says_so(strict_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    strict_lab.merge(strict_lab.judged("two"))
    monkeypatch.delenv("GITLAB_TOKEN")
    with pytest.raises(CodeHostFailed, match="GITLAB_TOKEN") as caught:
        by_hand(strict_lab)
    assert TOKEN not in str(caught.value)
