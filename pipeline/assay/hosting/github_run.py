"""A run of GitHub Actions: GitHub names the pull request of merge, squash and rebase commits alike.

What counts is its check ``gate``: that job judged the bundle of the pull request's newest commit,
and compared it with the verdict there.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.hosting.ci import CHECK, MergedPullRequest, Person, Run, only_one, title_of
from assay.hosting.client import MayNotWrite, number_of, text_of
from assay.hosting.hosts import GitHub

log = logging.getLogger(__name__)

_APP = "github-actions"
_WORKFLOW = "gate.yml"
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:\[bot\])?")
_MAY_WRITE = frozenset({"admin", "write"})
"""GitHub's word for a maintainer is ``write`` here; anybody may review a public repository."""


class GitHubRun(Run):
    bot = Person(
        "github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com"
    )  # the account that GitHub shows for commits of a workflow
    ref = "refs/pull/{}/head"

    def __init__(self, host: GitHub, number: str) -> None:
        super().__init__(host)
        self.owner, self.number = host.repository.partition("/")[0], number

    def merged(self, commit: str) -> MergedPullRequest:
        pulls = [
            each
            for each in self.pages(f"/commits/{commit}/pulls")
            if isinstance(each, Mapping)
            and each.get("merged_at")
            and text_of(each, "merge_commit_sha") == commit
        ]
        number = number_of(only_one(pulls, commit), "number")
        whole = self.get(f"/pulls/{number}")
        head = whole.get("head") if isinstance(whole, dict) else None
        name = f"pull request #{number}"
        person = _person(whole.get("merged_by"))
        return MergedPullRequest(number, name, title_of(whole), text_of(head, "sha"), person)

    def checks(self, pull: MergedPullRequest) -> Sequence[str]:
        path = f"/commits/{pull.head}/check-runs"
        answer = self.get(path, check_name=CHECK, filter="latest", per_page="100")
        runs = answer.get("check_runs") if isinstance(answer, dict) else None
        return [
            str(each.get("conclusion"))
            for each in (runs if isinstance(runs, list) else [])
            if isinstance(each, dict)
            and each.get("name") == CHECK
            and (each.get("app") or {}).get("slug") == _APP
            and each.get("head_sha", pull.head) == pull.head
        ]

    def approver(self) -> Person | None:
        listed = self.get(f"/actions/runs/{self.number}/approvals")
        person = None
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict) and each.get("state") == "approved":
                person = _person(each.get("user")) or person
        return person

    def starter(self) -> Person | None:
        login = os.environ.get("GITHUB_ACTOR", "")
        return Person(login, _address(login, 0)) if _LOGIN.fullmatch(login) else None

    def reviewer(self, pull: MergedPullRequest) -> str | None:
        """Who approved the run or the pull request's newest commit, and wrote none of it.

        A review of an earlier commit does not count, nor does one that was dismissed or changed,
        nor one by an app or by somebody who may not write to the repository.

        Raises
        ------
        CodeHostFailed
            It did not answer.
        """
        path = f"/pulls/{pull.number}"
        authors = {_login(self.get(path))}
        for each in self.pages(f"{path}/commits"):
            authors |= {_login(each, "author"), _login(each, "committer")}
        allowed = self.approver()
        if allowed is not None and allowed.login not in authors:
            return f"{allowed.login} <{allowed.email}>"
        last: dict[str, Mapping[str, Any]] = {}
        for review in self.pages(f"{path}/reviews"):
            if text_of(review, "state") != "COMMENTED":  # that leaves an earlier answer as it is
                last[_login(review)] = review
        for login, review in last.items():
            approved = (text_of(review, "state"), text_of(review, "commit_id"))
            if approved != ("APPROVED", pull.head) or login in {*authors, ""}:
                continue
            user = review["user"]
            may = self.get(f"/collaborators/{login}/permission")
            if user.get("type") == "User" and text_of(may, "permission") in _MAY_WRITE:
                return f"{login} <{_address(login, number_of(user, 'id'))}>"
        return None

    def open_request(self, branch: str, title: str, body: str) -> int:
        text = {"title": title, "body": body}
        for each in self.pages("/pulls", head=f"{self.owner}:{branch}", state="open"):
            number = number_of(each, "number")
            self.write("PATCH", f"/pulls/{number}", text)
            return number
        base = text_of(self.get(""), "default_branch")
        made = self.write("POST", "/pulls", {**text, "head": branch, "base": base})
        return number_of(made, "number")

    def judge_again(self, branch: str) -> bool:
        """Start the workflow: what a workflow's token pushes starts none by itself."""
        try:
            self.write("POST", f"/actions/workflows/{_WORKFLOW}/dispatches", {"ref": branch})
        except MayNotWrite:
            log.warning(
                "propose: the check was not started (permissions: actions: write); "
                "close the pull request and open it again, and it starts"
            )
            return False
        return True


def _address(login: str, number: int) -> str:
    """``number`` is 0 if it is not known."""
    return f"{f'{number}+' if number else ''}{login}@users.noreply.github.com"


def _person(user: Any) -> Person | None:
    login = text_of(user, "login") if isinstance(user, dict) else ""
    if not _LOGIN.fullmatch(login):
        return None
    return Person(login, _address(login, number_of(user, "id")))


def _login(item: Any, key: str = "user") -> str:
    user = item.get(key) if isinstance(item, dict) else None
    return text_of(user, "login") if user else ""
