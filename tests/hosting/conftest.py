"""A project under git and DVC with an origin and a code host, and what its people do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.errors import PromotionRefused
from assay.hosting.hosts import GitHub, GitLab, Host
from assay.hosting.promotion import promote_merged
from assay.reports.verdict import Outcome
from tests.builders.git_project import environment, project, template
from tests.code_host import REPOSITORY, TOKEN, CodeHost, serve
from tests.gate.conftest import tiny
from tests.monitored import empty_project, params_text, promote_once
from tests.monitored import project as monitored
from tests.workflows.hub import Hub

__all__ = [
    "empty_project",
    "environment",
    "monitored",
    "params_text",
    "project",
    "promote_once",
    "template",
    "tiny",
]  # fmt: skip


@dataclass
class Team:
    """A project with an origin and a host."""

    project: Any
    hub: Hub
    origin: Path

    def judged(self, marker: str, title: str = "Better", passed: bool = True) -> int:
        """A pull request with another model, judged by CI."""
        self.project.git("checkout", "--quiet", "-B", marker, "main")
        self.project.train(marker)
        self.project.judge(Outcome.PASS)
        head = self.project.commit(marker)
        number = self.hub.pull(title, marker, head)
        for ref in ("pull", "merge-requests"):
            self.project.git("push", "--quiet", "origin", f"HEAD:refs/{ref}/{number}/head")
        ended = "success" if passed else "failure"
        self.hub.checks.append({"name": "gate", "head_sha": head, "conclusion": ended})
        return number

    def merge(self, number: int, how: str = "squash") -> str:
        head = self.hub.pulls[number]["head"]["sha"]
        self.project.git("checkout", "--quiet", "main")
        if how == "merge":
            self.project.git("merge", "--quiet", "--no-ff", "--message", "merged", head)
        elif how == "squash":
            self.project.git("merge", "--quiet", "--squash", head)
            self.project.git("commit", "--quiet", "--message", "squashed")
        else:
            self.project.git("cherry-pick", f"main..{head}")
            self.project.git("commit", "--quiet", "--amend", "--message", "rebased")
        self.project.dvc("checkout", "--quiet")
        self.project.git("push", "--quiet", "origin", "main")
        commit: str = self.project.git("rev-parse", "HEAD")
        self.hub.merged(number, commit, "grace")
        return commit

    def promote(self, **more: Any) -> Any:
        return promote_merged(self.project.root, self.project.params, push=True, **more)

    def tags(self) -> list[str]:
        done = subprocess.run(
            ["git", "tag"], cwd=self.origin, capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    def refused(self) -> str:
        """Why it is refused; nothing may have been written anywhere."""
        before = self.tags(), self.project.tag_names()
        with pytest.raises(PromotionRefused) as caught:
            self.promote()
        assert (self.tags(), self.project.tag_names()) == before
        return str(caught.value)


@pytest.fixture
def server() -> Iterator[CodeHost]:
    with serve() as host:
        yield host


@pytest.fixture
def hub(server: CodeHost, waits: list[float]) -> GitHub:
    """The repository on GitHub; nothing waits."""
    return GitHub.connect(server.url, TOKEN, REPOSITORY)


@pytest.fixture(params=["github", "gitlab"])
def host(request: pytest.FixtureRequest, hub: GitHub, server: CodeHost) -> Host:
    if request.param == "github":
        return hub
    server.author = {"login": "project_7_bot_1f", "type": ""}
    return GitLab.connect(f"{server.url}/api/v4", TOKEN, "7")


@pytest.fixture
def team(project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    origin = tmp_path / "origin.git"
    subprocess.run(["git", "init", "--quiet", "--bare", origin], check=True)
    project.git("remote", "add", "origin", str(origin))
    project.git("push", "--quiet", "origin", "main")
    with serve(Hub()) as host:
        assert isinstance(host, Hub)
        given = {
            "GITHUB_API_URL": host.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_RUN_ID": "77",
            "GITHUB_ACTOR": "ada",
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        yield Team(project, host, origin)


@pytest.fixture
def lab(team: Team, monkeypatch: pytest.MonkeyPatch) -> Team:
    """The same in a job of GitLab CI, with a project access token."""
    for name in [each for each in os.environ if each.startswith("GITHUB_")]:
        monkeypatch.delenv(name)
    more = {"GITLAB_USER_LOGIN": "ada", "GITLAB_USER_ID": "1001"}
    for name, value in team.hub.gitlab_environment(**more).items():
        monkeypatch.setenv(name, value)
    team.hub.author = {"login": "project_7_bot_1f", "type": ""}
    return team
