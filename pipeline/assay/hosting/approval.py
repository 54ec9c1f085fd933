"""The pull request that a commit of the main branch came from, and who approved it.

GitHub names it for merge, squash and rebase commits alike. What counts is its check ``gate``: that
job judged the bundle of the pull request's newest commit, and compared it with the verdict there.
GitHub is asked for reviews and for who approved the run, GitLab for approvals of the merge request.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.errors import PromotionRefused, UsageError
from assay.hosting.client import number_of, text_of
from assay.hosting.hosts import GitHub, GitLab, host_of
from assay.project.ci_run import read_environment
from assay.project.processes import set_variables

CHECK = "gate"
"""The job of ``.github/workflows/gate.yml``, which GitHub calls a check run."""
_APP = "github-actions"
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:\[bot\])?")
_MOST_TITLE = 120
_MAY_WRITE = frozenset({"admin", "write"})
"""GitHub's word for a maintainer is ``write`` here; anybody may review a public repository."""


@dataclass(frozen=True)
class Person:
    """An account of the code host; ``id`` is 0 if it is not known."""

    login: str
    id: int

    @property
    def email(self) -> str:
        """The address by which GitHub shows the account beside a tag or a commit."""
        number = f"{self.id}+" if self.id else ""
        return f"{number}{self.login}@users.noreply.github.com"


@dataclass(frozen=True)
class MergedPullRequest:
    """A merged pull request; ``head`` is its newest commit, as GitHub says."""

    number: int
    title: str
    head: str
    merged_by: Person | None


@dataclass(frozen=True)
class Run:
    """The workflow run that this process is part of."""

    host: GitHub
    run: str
    actor: str

    def get(self, path: str, **query: str) -> Any:
        return self.host.client.get(f"{self.host.path}{path}", **query)

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        return self.host.client.pages(f"{self.host.path}{path}", **query)

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        return self.host.client.write(method, f"{self.host.path}{path}", body)


def current_run() -> Run:
    """The run of GitHub Actions around this process.

    Raises
    ------
    UsageError
        There is none: on a laptop, or on another code host.
    CodeHostFailed
        Its environment is of no use, or it has no token.
    """
    found = read_environment()
    number = os.environ.get("GITHUB_RUN_ID", "")
    if found is None or found.kind != "github" or not (number.isascii() and number.isdigit()):
        raise UsageError(
            "this is no run of GitHub Actions, so nobody can be asked what was merged or approved",
            expected="GITHUB_REPOSITORY, GITHUB_RUN_ID and GITHUB_TOKEN in the environment",
            fix="By hand: assay promote --because WHY, or assay rollback --because WHY.",
        )
    host = host_of(found)
    assert isinstance(host, GitHub)
    return Run(host, number, os.environ.get("GITHUB_ACTOR", ""))


def find_merged(run: Run, commit: str) -> MergedPullRequest:
    """The pull request whose merge made this commit the newest of its branch.

    Raises
    ------
    PromotionRefused
        There is none, or more than one.
    """
    listed = list(run.pages(f"/commits/{commit}/pulls"))
    found = [
        each
        for each in listed
        if isinstance(each, Mapping)
        and each.get("merged_at")
        and text_of(each, "merge_commit_sha") == commit
    ]
    if len(found) != 1:
        raise PromotionRefused(
            "this commit did not come from one merged pull request, so no gate judged it in CI",
            where=commit[:10],
            expected="the commit that merging, squashing or rebasing a pull request made",
            found=f"{len(found)} such pull requests",
            fix="Merge a pull request, or promote by hand: assay promote --because WHY.",
        )
    number = number_of(found[0], "number")
    whole = run.get(f"/pulls/{number}")
    head = whole.get("head") if isinstance(whole, dict) else None
    title = " ".join(text_of(whole, "title").split())
    return MergedPullRequest(
        number, title[:_MOST_TITLE], text_of(head, "sha"), _person(whole.get("merged_by"))
    )


def require_check(run: Run, pull: MergedPullRequest) -> None:
    """Refuse a pull request whose newest commit the gate did not let pass.

    Raises
    ------
    PromotionRefused
        The newest run of the check did not succeed there, or there is none.
    """
    path = f"/commits/{pull.head}/check-runs"
    answer = run.get(path, check_name=CHECK, filter="latest", per_page="100")
    runs = answer.get("check_runs") if isinstance(answer, dict) else None
    ends = [
        str(each.get("conclusion"))
        for each in (runs if isinstance(runs, list) else [])
        if isinstance(each, dict)
        and each.get("name") == CHECK
        and (each.get("app") or {}).get("slug") == _APP
        and each.get("head_sha", pull.head) == pull.head
    ]
    if not ends or set(ends) != {"success"}:
        raise PromotionRefused(
            f"the check '{CHECK}' did not pass on what was merged",
            where=f"pull request #{pull.number} at {pull.head[:10]}",
            expected="success",
            found=", ".join(sorted(set(ends))) or "no such check",
            fix="Make the check required (docs/github.md), and open another pull request.",
        )


def approver(run: Run) -> Person | None:
    """Who approved this run in a protected environment; None if nobody had to."""
    listed = run.get(f"/actions/runs/{run.run}/approvals")
    found = None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("state") == "approved":
            found = _person(each.get("user")) or found
    return found


def starter(run: Run) -> Person | None:
    """Who started this run."""
    return Person(run.actor, 0) if _LOGIN.fullmatch(run.actor) else None


def signing_as(person: Person) -> AbstractContextManager[None]:
    """In its block, git signs tags and commits with the account."""
    return set_variables(
        {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", person.login), ("EMAIL", person.email))
        }
    )


def _person(user: Any) -> Person | None:
    if not isinstance(user, dict) or not _LOGIN.fullmatch(text_of(user, "login")):
        return None
    return Person(text_of(user, "login"), number_of(user, "id"))


def reviewer(run: Run, pull: MergedPullRequest) -> str | None:
    """Who approved the run or the pull request's newest commit on GitHub, and wrote none of it.

    A review of an earlier commit does not count, nor does one that was dismissed or changed, nor
    one by an app or by somebody who may not write to the repository.

    Raises
    ------
    CodeHostFailed
        It did not answer.
    """
    path = f"/pulls/{pull.number}"
    authors = {_login(run.get(path))}
    for each in run.pages(f"{path}/commits"):
        authors |= {_login(each, "author"), _login(each, "committer")}
    allowed = approver(run)
    if allowed is not None and allowed.login not in authors:
        return f"{allowed.login} <{allowed.email}>"
    last: dict[str, Mapping[str, Any]] = {}
    for review in run.pages(f"{path}/reviews"):
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
    host = host_of(job)
    assert isinstance(host, GitLab)
    client, project = host.client, host.path
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


def _login(item: Any, key: str = "user") -> str:
    user = item.get(key) if isinstance(item, dict) else None
    return (text_of(user, "login") or text_of(user, "username")) if user else ""


def _time(item: Any, key: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text_of(item, key))
    except ValueError:
        return None
