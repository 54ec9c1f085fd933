"""Who approved what is promoted, and is none of its authors (``registry.require_approval``).

The code host is asked, which knows accounts: GitHub for reviews of the merged pull request and for
who approved the run, GitLab for approvals of the merge request. Everywhere a tag of git counts,
which names its maker as git was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from assay.errors import AssayError, PromotionRefused
from assay.project import layout
from assay.project.code_host import gitlab
from assay.project.code_host.environment import read_environment
from assay.project.code_host.items import number_of, text_of
from assay.registry import git
from assay.registry.hosted.merged import MergedPullRequest, Person, Run, approver

TAGS = "approved/"
"""How the names of tags of approval begin."""
_MAY_WRITE = frozenset({"admin", "write"})
"""GitHub's word for a maintainer is ``write`` here; anybody may review a public repository."""


def reviewer(run: Run, pull: MergedPullRequest) -> str | None:
    """Who approved the run or the pull request's newest commit on GitHub, and wrote none of it.

    A review of an earlier commit does not count, nor does one that was dismissed or changed, nor
    one by an app or by somebody who may not write to the repository.

    Raises
    ------
    CodeHostFailed
        It did not answer.
    """
    path = f"/repos/{run.repository}/pulls/{pull.number}"
    authors = {_login(run.get(f"/pulls/{pull.number}"))}
    for each in run.client.pages(f"{path}/commits"):
        authors |= {_login(each, "author"), _login(each, "committer")}
    allowed = approver(run)
    if allowed is not None and allowed.login not in authors:
        return f"{allowed.login} <{allowed.email}>"
    last: dict[str, Mapping[str, Any]] = {}
    for review in run.client.pages(f"{path}/reviews"):
        if text_of(review, "state") != "COMMENTED":  # that leaves an earlier answer as it is
            last[_login(review)] = review
    for login, review in last.items():
        approved = (text_of(review, "state"), text_of(review, "commit_id"))
        if approved != ("APPROVED", pull.head) or login in {*authors, ""}:
            continue
        user = review["user"]
        may = run.get(f"/collaborators/{login}/permission")
        if user.get("type") == "User" and text_of(may, "permission") in _MAY_WRITE:
            return f"{login} <{Person(login, number_of(user, 'id')).email}>"
    return None


def merge_request_approver(commit: str) -> str | None:
    """Who approved the merge request that made this commit, in a job of GitLab CI.

    An approval from before its newest commits does not count. Where GitLab does not say when
    somebody approved (before 18), none does.

    Raises
    ------
    CodeHostFailed
        GitLab did not answer, or the job has no token.
    """
    job = read_environment()
    if job is None or job.kind != "gitlab":
        return None
    job.host()  # says that there is no token
    client, project = gitlab.connect(job.api, job.token), f"/projects/{job.repository}"
    for each in client.pages(f"{project}/repository/commits/{commit}/merge_requests"):
        made = {text_of(each, key) for key in ("merge_commit_sha", "squash_commit_sha", "sha")}
        if text_of(each, "state") != "merged" or commit not in made:
            continue
        path = f"{project}/merge_requests/{number_of(each, 'iid')}"
        pushed = [_time(given, "created_at") for given in client.pages(f"{path}/versions")]
        for given in client.get(f"{path}/approvals").get("approved_by") or ():
            login, when = _login(given), _time(given, "approved_at")
            later = when is not None and all(each is not None and each < when for each in pushed)
            if login and later and login != _login(each, "author"):
                return f"{login} in {text_of(each, 'web_url') or path}"
    return None


def tagger(root: Path, commit: str, verdict: str) -> str | None:
    """Who made an annotated tag ``approved/...`` on a commit with this very verdict.

    The authors of the verdict, in that commit and in the one to promote, cannot approve it. People
    are told apart by their addresses.

    Parameters
    ----------
    verdict
        The text of verdict.json in the commit to promote.
    """
    for each in git.tags(root):
        if not each.name.startswith(TAGS) or _verdict_at(root, each.commit) != verdict:
            continue
        if _address(each.by) not in {_author(root, commit), _author(root, each.commit)}:
            return each.by
    return None


def refusal(commit: str) -> PromotionRefused:
    """That nobody but its authors approved it, and what helps."""
    tag = f"{TAGS}{commit[:10]}"
    return PromotionRefused(
        "nobody but its authors approved what is promoted",
        where=f"{layout.PARAMS}: registry.require_approval",
        expected="an approving review of the pull request's newest commit, or a tag approved/... "
        "on a commit with this verdict, by somebody else",
        found="neither",
        fix=f"Somebody else types: git tag --annotate {tag} --message WHY {commit[:10]} && "
        f"git push origin {tag}; then promote again.",
    )


def _login(item: Any, key: str = "user") -> str:
    user = item.get(key) if isinstance(item, dict) else None
    return (text_of(user, "login") or text_of(user, "username")) if user else ""


def _time(item: Any, key: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text_of(item, key))
    except ValueError:
        return None


def _verdict_at(root: Path, commit: str) -> str | None:
    try:
        return git.show(root, commit, layout.VERDICT)
    except AssayError:
        return None


def _author(root: Path, commit: str) -> str:
    """The address of who last changed the verdict."""
    done = git.run(root, "log", "-1", "--format=%ae", commit, "--", layout.VERDICT)
    return done.stdout.decode(errors="replace").strip().lower()


def _address(by: str) -> str:
    return by.rpartition("<")[2].rstrip(">").lower()
