"""GitLab's REST API, version 4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.project.code_host.client import Client, MayNotWrite
from assay.project.code_host.hosts import Comment, Issue, Thread
from assay.project.code_host.items import number_of, text_of

API = "https://gitlab.com/api/v4"


def connect(api: str, token: str) -> Client:
    return Client(api, {"PRIVATE-TOKEN": token})


@dataclass(frozen=True)
class GitLab:
    """A project; ``project`` is its number."""

    client: Client
    project: str

    def me(self) -> str | None:
        try:
            return text_of(self.client.get("/user"), "username")
        except MayNotWrite:
            return None

    def pull_request(self, number: int) -> Thread:
        return _Notes(self.client, f"/projects/{self.project}/merge_requests/{number}/notes")

    def thread(self, issue: Issue) -> Thread:
        return _Notes(self.client, f"/projects/{self.project}/issues/{issue.number}/notes")

    def issues(self, label: str) -> Iterator[Issue]:
        path = f"/projects/{self.project}/issues"
        for item in self.client.pages(path, labels=label, state="all", sort="asc"):
            yield Issue(
                number_of(item, "iid"),
                text_of(item, "title"),
                text_of(item, "description"),
                text_of(item, "state") == "opened",
            )

    def open_issue(self, title: str, body: str, label: str) -> None:
        made = {"title": title, "description": body, "labels": label}
        self.client.post(f"/projects/{self.project}/issues", made)

    def edit_issue(self, issue: Issue, *, title: str, body: str, open: bool | None = None) -> None:
        changes: dict[str, Any] = {"title": title, "description": body}
        if open is not None:
            changes["state_event"] = "reopen" if open else "close"
        self.client.put(f"/projects/{self.project}/issues/{issue.number}", changes)


@dataclass(frozen=True)
class _Notes:
    client: Client
    path: str

    def comments(self) -> Iterator[Comment]:
        for item in self.client.pages(self.path, sort="asc", order_by="created_at"):
            if isinstance(item, dict) and item.get("system"):
                continue  # "changed the description"
            user = item.get("author") if isinstance(item, dict) else None
            author = text_of(user if isinstance(user, dict) else {}, "username")
            # The users that GitLab makes for access tokens of projects and groups.
            by_bot = author.startswith(("project_", "group_")) and "_bot" in author
            yield Comment(number_of(item, "id"), text_of(item, "body"), author, by_bot)

    def add(self, body: str) -> None:
        self.client.post(self.path, {"body": body})

    def edit(self, comment: Comment, body: str) -> None:
        self.client.put(f"{self.path}/{comment.id}", {"body": body})

    def remove(self, comment: Comment) -> None:
        self.client.delete(f"{self.path}/{comment.id}")
