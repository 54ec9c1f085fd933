"""A repository on GitHub or GitLab: comments of a pull request, and issues.

A caller finds its own comment or issue again by a marker, a line of HTML that is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from assay.errors import CodeHostFailed
from assay.hosting.client import Client, Gone, MayNotWrite, number_of, part_of, text_of
from assay.project.ci_run import CiRun


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment; ``by_bot`` if its author is an app or a token, not a person."""

    id: int
    body: str
    author: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue; its number, title and text, and whether it is open."""

    number: int
    title: str
    body: str
    open: bool


@dataclass(frozen=True)
class GitHub:
    """A repository; ``repository`` is ``owner/name``."""

    client: Client
    repository: str

    @classmethod
    def connect(cls, api: str, token: str, repository: str) -> GitHub:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "Authorization": f"Bearer {token}",
        }
        return cls(Client(api, headers), repository)

    @property
    def path(self) -> str:
        return f"/repos/{self.repository}"

    def me(self) -> str | None:
        """The login of the token's owner; None if the token may not ask, as a workflow's."""
        try:
            return text_of(self.client.get("/user"), "login")
        except MayNotWrite:
            return None

    def comments(self, number: int) -> Iterator[Comment]:
        """Those of a pull request, the oldest first."""
        for item in self.client.pages(f"{self.path}/issues/{number}/comments"):
            user = part_of(item, "user")
            yield Comment(
                number_of(item, "id"),
                text_of(item, "body"),
                text_of(user, "login"),
                text_of(user, "type") == "Bot",
            )

    def add_comment(self, number: int, body: str) -> None:
        self.client.write("POST", f"{self.path}/issues/{number}/comments", {"body": body})

    def edit_comment(self, number: int, comment: int, body: str) -> None:
        self.client.write("PATCH", f"{self.path}/issues/comments/{comment}", {"body": body})

    def remove_comment(self, number: int, comment: int) -> None:
        self.client.write("DELETE", f"{self.path}/issues/comments/{comment}")

    def issues(self, label: str) -> Iterator[Issue]:
        """All issues with the label, open and closed, the oldest first."""
        path = f"{self.path}/issues"
        for item in self.client.pages(path, labels=label, state="all", direction="asc"):
            if "pull_request" in item:
                continue  # every pull request is an issue too
            yield Issue(
                number_of(item, "number"),
                text_of(item, "title"),
                text_of(item, "body"),
                text_of(item, "state") == "open",
            )

    def open_issue(self, title: str, body: str, label: str) -> None:
        # A label that does not exist yet is made by this request.
        path = f"{self.path}/issues"
        item = self.client.write("POST", path, {"title": title, "body": body, "labels": [label]})
        if not (isinstance(item, dict) and item.get("labels")):
            # GitHub drops labels in silence that a token may not set. Without one the issue would
            # not be found again, and each night would open another.
            self.client.write("PATCH", f"{path}/{number_of(item, 'number')}", {"state": "closed"})
            raise MayNotWrite(
                f"the token may open issues but not label them {label}",
                where=self.repository,
                fix="Give the job permissions: issues: write.",
            )

    def edit_issue(self, issue: Issue, title: str, body: str, *, open: bool) -> None:
        state = "open" if open else "closed"
        changed = {"title": title, "body": body, "state": state}
        self.client.write("PATCH", f"{self.path}/issues/{issue.number}", changed)


@dataclass(frozen=True)
class GitLab:
    """A project; ``project`` is its number. The methods are those of `GitHub`."""

    client: Client
    project: str

    @classmethod
    def connect(cls, api: str, token: str, project: str) -> GitLab:
        return cls(Client(api, {"PRIVATE-TOKEN": token}), project)

    @property
    def path(self) -> str:
        return f"/projects/{self.project}"

    def _notes(self, number: int) -> str:
        return f"{self.path}/merge_requests/{number}/notes"

    def me(self) -> str | None:
        try:
            return text_of(self.client.get("/user"), "username")
        except MayNotWrite:
            return None

    def comments(self, number: int) -> Iterator[Comment]:
        listed = self.client.pages(self._notes(number), sort="asc", order_by="created_at")
        for item in listed:
            author = text_of(part_of(item, "author"), "username")
            if item.get("system"):
                continue  # "changed the description"
            # The users that GitLab makes for access tokens of projects and groups.
            by_bot = author.startswith(("project_", "group_")) and "_bot" in author
            yield Comment(number_of(item, "id"), text_of(item, "body"), author, by_bot)

    def add_comment(self, number: int, body: str) -> None:
        self.client.write("POST", self._notes(number), {"body": body})

    def edit_comment(self, number: int, comment: int, body: str) -> None:
        self.client.write("PUT", f"{self._notes(number)}/{comment}", {"body": body})

    def remove_comment(self, number: int, comment: int) -> None:
        self.client.write("DELETE", f"{self._notes(number)}/{comment}")

    def issues(self, label: str) -> Iterator[Issue]:
        listed = self.client.pages(f"{self.path}/issues", labels=label, state="all", sort="asc")
        for item in listed:
            yield Issue(
                number_of(item, "iid"),
                text_of(item, "title"),
                text_of(item, "description"),
                text_of(item, "state") == "opened",
            )

    def open_issue(self, title: str, body: str, label: str) -> None:
        made = {"title": title, "description": body, "labels": label}
        self.client.write("POST", f"{self.path}/issues", made)

    def edit_issue(self, issue: Issue, title: str, body: str, *, open: bool) -> None:
        changes: dict[str, Any] = {"title": title, "description": body}
        if open != issue.open:
            changes["state_event"] = "reopen" if open else "close"
        self.client.write("PUT", f"{self.path}/issues/{issue.number}", changes)


Host: TypeAlias = GitHub | GitLab


def host_of(run: CiRun) -> Host:
    """The repository of a CI run, to talk to.

    Raises
    ------
    CodeHostFailed
        There is no token.
    """
    if not run.token:
        raise CodeHostFailed(
            "there is no token for the code host",
            where=f"the environment variable {run.token_variable}",
            fix="Give it to the step: docs/pull-request.md says how.",
        )
    kind: type[Host] = GitHub if run.kind == "github" else GitLab
    return kind.connect(run.api, run.token, run.repository)


def keep_one_comment(
    host: Host, number: int, marker: str, body: str
) -> Literal["written", "updated", "unchanged"]:
    """Make ``body`` the one comment of ours with ``marker`` on a pull request.

    If two runs at once have each written one, the oldest stays and the others are removed. May be
    called again after any error.

    Parameters
    ----------
    marker
        A line that ``body`` begins with.

    Raises
    ------
    MayNotWrite
        The token may not write here.
    CodeHostFailed
        The code host did not do it.
    """
    try:
        return _keep(host, number, marker, body)
    except CodeHostFailed as error:
        if isinstance(error, MayNotWrite) and not isinstance(error, Gone):
            raise
        # It may be there although no answer came, or somebody deleted it meanwhile. Look again.
        return _keep(host, number, marker, body)


def _keep(
    host: Host, number: int, marker: str, body: str
) -> Literal["written", "updated", "unchanged"]:
    me = host.me()
    # Where the token may not ask who it is, no person's comment is ours: a person could write the
    # marker and edit the verdict that we then put there.
    mine = [
        each
        for each in host.comments(number)
        if each.body.lstrip().startswith(marker)
        and (each.by_bot if me is None else each.author == me)
    ]
    if not mine:
        host.add_comment(number, body)
        return "written"
    first, *others = sorted(mine, key=lambda each: each.id)
    changed = _plain(first.body) != _plain(body)
    if changed:
        host.edit_comment(number, first.id, body)
    for each in others:
        with suppress(Gone):  # another run was quicker
            host.remove_comment(number, each.id)
    return "updated" if changed or others else "unchanged"


def _plain(body: str) -> str:
    """A body without what code hosts change: line ends, and blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in body.strip().splitlines())
