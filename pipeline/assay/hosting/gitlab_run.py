"""A job of GitLab CI. What counts is the job ``gate`` of the merge request's newest pipeline."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from assay.hosting.ci import CHECK, MergedPullRequest, Person, Run, only_one, title_of
from assay.hosting.client import number_of, text_of
from assay.hosting.hosts import GitLab, host_of
from assay.project.ci_run import read_environment

_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class GitLabRun(Run):
    bot = Person("assay", "assay@noreply.invalid")  # no account: GitLab shows the name alone
    ref = "refs/merge-requests/{}/head"

    def merged(self, commit: str) -> MergedPullRequest:
        item = only_one(list(self._that_made(commit)), commit)
        number = number_of(item, "iid")
        person = _person(item.get("merge_user") or item.get("merged_by"))
        name = f"merge request !{number}"
        return MergedPullRequest(number, name, title_of(item), text_of(item, "sha"), person)

    def checks(self, pull: MergedPullRequest) -> Sequence[str]:
        """The end of the job in the newest pipeline of its newest commit, in this project."""
        pipelines = [
            number_of(each, "id")
            for each in self.pages(f"/merge_requests/{pull.number}/pipelines")
            if text_of(each, "sha") == pull.head
            and text_of(each, "source") == "merge_request_event"
            and str(each.get("project_id")) == self.host.path.rpartition("/")[2]
        ]
        if not pipelines:
            return []
        jobs = self.pages(f"/pipelines/{max(pipelines)}/jobs")
        return [text_of(each, "status") for each in jobs if text_of(each, "name") == CHECK]

    def approver(self) -> Person | None:
        return None  # of deployments GitLab names nobody to the job that they let run

    def starter(self) -> Person | None:
        login, number = (
            os.environ.get("GITLAB_USER_LOGIN", ""),
            os.environ.get("GITLAB_USER_ID", ""),
        )
        known = number.isascii() and number.isdigit()
        return _person({"username": login, "id": int(number)}) if known else None

    def reviewer(self, pull: MergedPullRequest) -> str | None:
        return self._approver_of(self.get(f"/merge_requests/{pull.number}"))

    def reviewer_of_commit(self, commit: str) -> str | None:
        """As `reviewer`, of the merge requests that made the commit."""
        return next(filter(None, map(self._approver_of, self._that_made(commit))), None)

    def _that_made(self, commit: str) -> Iterator[Any]:
        for each in self.pages(f"/repository/commits/{commit}/merge_requests"):
            made = {text_of(each, key) for key in ("merge_commit_sha", "squash_commit_sha", "sha")}
            if text_of(each, "state") == "merged" and commit in made:
                yield each

    def _approver_of(self, item: Any) -> str | None:
        """An approval from before its newest commits does not count.

        Where GitLab does not say when somebody approved (before 18), none does.
        """
        path = f"/merge_requests/{number_of(item, 'iid')}"
        pushed = [_time(given, "created_at") for given in self.pages(f"{path}/versions")]
        for given in self.get(f"{path}/approvals").get("approved_by") or ():
            login, when = text_of(given.get("user"), "username"), _time(given, "approved_at")
            later = when is not None and all(each is not None and each < when for each in pushed)
            if login and later and login != text_of(item.get("author"), "username"):
                return f"{login} in {text_of(item, 'web_url') or path}"
        return None

    def open_request(self, branch: str, title: str, body: str) -> int:
        text = {"title": title, "description": body}
        for each in self.pages("/merge_requests", source_branch=branch, state="opened"):
            number = number_of(each, "iid")
            self.write("PUT", f"/merge_requests/{number}", text)
            return number
        base = text_of(self.get(""), "default_branch")
        ends = {"source_branch": branch, "target_branch": base}
        return number_of(self.write("POST", "/merge_requests", {**text, **ends}), "iid")

    def judge_again(self, branch: str) -> bool:
        return True  # what an access token pushes or opens starts its pipeline by itself


def merge_request_approver(commit: str) -> str | None:
    """Who approved the merge request that made this commit, in a job of GitLab CI.

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
    return GitLabRun(host).reviewer_of_commit(commit)


def _person(user: Any) -> Person | None:
    login = text_of(user, "username") if isinstance(user, dict) else ""
    if not _LOGIN.fullmatch(login):
        return None
    number = number_of(user, "id")
    server = os.environ.get("CI_SERVER_HOST") or "gitlab.com"
    return Person(login, f"{number}-{login}@users.noreply.{server}")


def _time(item: Any, key: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text_of(item, key))
    except ValueError:
        return None
