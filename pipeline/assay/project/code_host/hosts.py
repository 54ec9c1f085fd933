"""What is done on a code host, in one form for GitHub and GitLab: comments and issues.

A caller finds its own comment or issue again by a marker, a line of HTML that is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment; ``by_bot`` if its author is an app or a token, not a person."""

    id: int
    body: str
    author: str
    by_bot: bool


@dataclass(frozen=True, slots=True)
class Issue:
    number: int
    title: str
    body: str
    open: bool


class Thread(Protocol):
    """The comments below one pull request or issue."""

    def comments(self) -> Iterator[Comment]:
        """All, the oldest first."""

    def add(self, body: str) -> None: ...

    def edit(self, comment: Comment, body: str) -> None: ...

    def remove(self, comment: Comment) -> None: ...


class Host(Protocol):
    """A repository on a code host."""

    def me(self) -> str | None:
        """The login of the token's owner; None if the token may not ask."""

    def pull_request(self, number: int) -> Thread: ...

    def thread(self, issue: Issue) -> Thread: ...

    def issues(self, label: str) -> Iterator[Issue]:
        """All issues with the label, open and closed."""

    def open_issue(self, title: str, body: str, label: str) -> None: ...

    def edit_issue(
        self, issue: Issue, *, title: str, body: str, open: bool | None = None
    ) -> None: ...
