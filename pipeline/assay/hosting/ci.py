"""What a run of CI knows of the pull request that it is about: who merged and who approved it.

`GitHubRun` and `GitLabRun` ask their host. A merge request of GitLab is called a pull request here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from assay.errors import PromotionRefused
from assay.hosting.client import text_of
from assay.hosting.hosts import Host
from assay.project.processes import set_variables

CHECK = "gate"
"""The job that judges: of ``.github/workflows/gate.yml``, or of GitLab's pipeline."""
_MOST_TITLE = 120


@dataclass(frozen=True)
class Person:
    """An account, with the address by which the code host shows it beside a tag or a commit."""

    login: str
    email: str


@dataclass(frozen=True)
class MergedPullRequest:
    """A merged pull request; ``head`` is its newest commit, as the host says.

    ``name`` is "pull request #4" or "merge request !4".
    """

    number: int
    name: str
    title: str
    head: str
    merged_by: Person | None


class Run(ABC):
    """The run that this process is part of.

    Attributes
    ----------
    bot
        Who signs commits that nobody wrote.
    ref
        The name of a pull request's newest commit in git, with a gap for its number.
    """

    bot: Person
    ref: ClassVar[str]

    def __init__(self, host: Host) -> None:
        self.host = host

    def get(self, path: str, **query: str) -> Any:
        return self.host.client.get(f"{self.host.path}{path}", **query)

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        return self.host.client.pages(f"{self.host.path}{path}", **query)

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        return self.host.client.write(method, f"{self.host.path}{path}", body)

    @abstractmethod
    def merged(self, commit: str) -> MergedPullRequest:
        """The pull request whose merge made this commit the newest of its branch.

        Raises
        ------
        PromotionRefused
            There is none, or more than one.
        """

    @abstractmethod
    def checks(self, pull: MergedPullRequest) -> Sequence[str]:
        """How the job `CHECK` ended on its newest commit, the last time; "success" if well."""

    @abstractmethod
    def approver(self) -> Person | None:
        """Who approved this run in a protected environment; None if nobody had to."""

    @abstractmethod
    def starter(self) -> Person | None:
        """Who started this run."""

    @abstractmethod
    def reviewer(self, pull: MergedPullRequest) -> str | None:
        """Who approved its newest commit on the host, and wrote none of it."""

    @abstractmethod
    def open_request(self, branch: str, title: str, body: str) -> int:
        """Open a pull request of the branch, or bring the open one up to date; its number."""

    @abstractmethod
    def judge_again(self, branch: str) -> bool:
        """Let `CHECK` run on the branch; False if it may not be started."""


def only_one(pulls: Sequence[Any], commit: str) -> Any:
    """The one pull request that made the commit.

    Raises
    ------
    PromotionRefused
        There is none, or more than one.
    """
    if len(pulls) != 1:
        raise PromotionRefused(
            "this commit did not come from one merged pull request, so no gate judged it in CI",
            where=commit[:10],
            expected="the commit that merging, squashing or rebasing a pull request made",
            found=f"{len(pulls)} such pull requests",
            fix="Merge a pull request, or promote by hand: assay promote --because WHY.",
        )
    return pulls[0]


def title_of(item: Any) -> str:
    """A title as one short line."""
    return " ".join(text_of(item, "title").split())[:_MOST_TITLE]


def require_check(run: Run, pull: MergedPullRequest) -> None:
    """Refuse a pull request whose newest commit the gate did not let pass.

    Raises
    ------
    PromotionRefused
        The newest run of the check did not succeed there, or there is none.
    """
    ends = set(run.checks(pull))
    if ends != {"success"}:
        raise PromotionRefused(
            f"the check '{CHECK}' did not pass on what was merged",
            where=f"{pull.name} at {pull.head[:10]}",
            expected="success",
            found=", ".join(sorted(ends)) or "no such check",
            fix="Make the check required (docs/github.md), and open another pull request.",
        )


def signing_as(person: Person) -> AbstractContextManager[None]:
    """In its block, git signs tags and commits with the account."""
    return set_variables(
        {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", person.login), ("EMAIL", person.email))
        }
    )
