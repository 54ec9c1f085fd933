"""GitHub's REST API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.errors import CodeHostFailed
from assay.project.code_host.client import Client, MayNotWrite
from assay.project.code_host.hosts import Comment, Issue, Thread
from assay.project.code_host.items import number_of, text_of

API = "https://api.github.com"
VERSION = "2022-11-28"


def connect(api: str, token: str) -> Client:
    return Client(
        api,
        {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": VERSION,
            "Authorization": f"Bearer {token}",
        },
    )


@dataclass(frozen=True)
class GitHub:
    """A repository; ``repository`` is ``owner/name``."""

    client: Client
    repository: str

    def me(self) -> str | None:
        try:
            return text_of(self.client.get("/user"), "login")
        except MayNotWrite:  # the token of a workflow belongs to no user
            return None

    def pull_request(self, number: int) -> Thread:
        return _Comments(self.client, f"/repos/{self.repository}", number)

    def thread(self, issue: Issue) -> Thread:
        return self.pull_request(issue.number)

    def issues(self, label: str) -> Iterator[Issue]:
        path = f"/repos/{self.repository}/issues"
        listed = self.client.pages(path, labels=label, state="all", direction="asc")
        for item in listed:
            if isinstance(item, dict) and "pull_request" in item:
                continue  # every pull request is an issue too
            yield Issue(
                number_of(item, "number"),
                text_of(item, "title"),
                text_of(item, "body"),
                text_of(item, "state") == "open",
            )

    def open_issue(self, title: str, body: str, label: str) -> None:
        # A label that does not exist yet is made by this request.
        made = {"title": title, "body": body, "labels": [label]}
        path = f"/repos/{self.repository}/issues"
        item = self.client.post(path, made)
        labels = item.get("labels") if isinstance(item, dict) else None
        if not labels:
            # GitHub drops labels in silence that a token may not set. Without one the issue would
            # not be found again, and each night would open another.
            self.client.patch(f"{path}/{number_of(item, 'number')}", {"state": "closed"})
            raise MayNotWrite(
                f"the token may open issues but not label them {label}",
                where=self.repository,
                fix="Give the job permissions: issues: write.",
            )

    def edit_issue(self, issue: Issue, *, title: str, body: str, open: bool | None = None) -> None:
        changes: dict[str, Any] = {"title": title, "body": body}
        if open is not None:
            changes["state"] = "open" if open else "closed"
        self.client.patch(f"/repos/{self.repository}/issues/{issue.number}", changes)


@dataclass(frozen=True)
class _Comments:
    client: Client
    repository: str
    number: int

    def comments(self) -> Iterator[Comment]:
        for item in self.client.pages(f"{self.repository}/issues/{self.number}/comments"):
            # The author of a deleted account is null.
            user = item.get("user") if isinstance(item, dict) else None
            author = user if isinstance(user, dict) else {}
            yield Comment(
                number_of(item, "id"),
                text_of(item, "body"),
                text_of(author, "login"),
                author.get("type") == "Bot",
            )

    def add(self, body: str) -> None:
        path = f"{self.repository}/issues/{self.number}/comments"
        made = self.client.post(path, {"body": body})
        if not isinstance(made, dict):
            raise CodeHostFailed("it answered no comment", where=f"POST {path}")

    def edit(self, comment: Comment, body: str) -> None:
        self.client.patch(f"{self.repository}/issues/comments/{comment.id}", {"body": body})

    def remove(self, comment: Comment) -> None:
        self.client.delete(f"{self.repository}/issues/comments/{comment.id}")
