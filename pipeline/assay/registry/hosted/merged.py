"""The pull request that a commit of the main branch came from, and who let it go on.

GitHub names it for merge, squash and rebase commits alike. What counts is its check ``gate``: that
job judged the bundle of the pull request's newest commit, and compared it with the verdict there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from assay.errors import CodeHostFailed, PromotionRefused, UsageError
from assay.project.code_host import environment, github
from assay.project.code_host.client import Client
from assay.project.code_host.items import number_of, text_of
from assay.project.processes import set_variables

CHECK = "gate"
"""The job of ``.github/workflows/gate.yml``, which GitHub calls a check run."""
_APP = "github-actions"
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:\[bot\])?")
_MOST_TITLE = 120


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

    client: Client
    repository: str
    run: str
    actor: str

    def get(self, path: str, **query: str) -> Any:
        return self.client.get(f"/repos/{self.repository}{path}", **query)


def current_run() -> Run:
    """The run of GitHub Actions around this process.

    Raises
    ------
    UsageError
        There is none: on a laptop, or on another code host.
    CodeHostFailed
        Its environment is of no use, or it has no token.
    """
    found = environment.read_environment()
    number = os.environ.get("GITHUB_RUN_ID", "")
    if found is None or found.kind != "github" or not (number.isascii() and number.isdigit()):
        raise UsageError(
            "this is no run of GitHub Actions, so nobody can be asked what was merged or approved",
            expected="GITHUB_REPOSITORY, GITHUB_RUN_ID and GITHUB_TOKEN in the environment",
            fix="By hand: assay promote --because WHY, or assay rollback --because WHY.",
        )
    if not found.token:
        raise CodeHostFailed(
            "there is no token for the code host",
            where=f"the environment variable {found.token_variable}",
            fix="Give it to the step: env: {GITHUB_TOKEN: ${{ github.token }}}.",
        )
    client = github.connect(found.api, found.token)
    return Run(client, found.repository, number, os.environ.get("GITHUB_ACTOR", ""))


def find_merged(run: Run, commit: str) -> MergedPullRequest:
    """The pull request whose merge made this commit the newest of its branch.

    Raises
    ------
    PromotionRefused
        There is none, or more than one.
    """
    listed = list(run.client.pages(f"/repos/{run.repository}/commits/{commit}/pulls"))
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
