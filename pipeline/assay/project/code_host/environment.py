"""What a CI run's environment says of the code host: where, what, with which token."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assay.errors import CodeHostFailed
from assay.project.code_host import github, gitlab
from assay.project.code_host.hosts import Host
from assay.project.http_exchange import validate_api_address

Kind = Literal["github", "gitlab"]

TOKENS: Mapping[Kind, str] = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class CiRun:
    """A run of CI, as far as its environment tells.

    Attributes
    ----------
    repository
        ``owner/name`` on GitHub, the project's number on GitLab.
    pull_request
        The number of the pull or merge request that the run is about; None if it is about none.
    from_fork
        Whether that comes from another repository.
    commit
        The newest commit of the pull request; "" if unknown.
    page
        The address of the run's page, where its artifacts are; "" if unknown.
    token
        "" if the environment has none.
    """

    kind: Kind
    api: str
    repository: str
    pull_request: int | None
    from_fork: bool
    commit: str
    page: str
    token: str = field(repr=False)

    @property
    def token_variable(self) -> str:
        return TOKENS[self.kind]

    def host(self) -> Host:
        """The repository, to talk to.

        Raises
        ------
        CodeHostFailed
            There is no token.
        """
        if not self.token:
            raise CodeHostFailed(
                "there is no token for the code host",
                where=f"the environment variable {self.token_variable}",
                fix="Give it to the step: docs/pull-request.md says how.",
            )
        if self.kind == "github":
            return github.GitHub(github.connect(self.api, self.token), self.repository)
        return gitlab.GitLab(gitlab.connect(self.api, self.token), self.repository)


def read_environment(environ: Mapping[str, str] | None = None) -> CiRun | None:
    """The CI run that this process is part of; None outside of GitHub and GitLab.

    Raises
    ------
    CodeHostFailed
        A variable or the event's file has no valid value.
    """
    given = os.environ if environ is None else environ
    if given.get("GITHUB_REPOSITORY"):
        return _github(given)
    if given.get("CI_PROJECT_ID"):
        return _gitlab(given)
    return None


def _github(given: Mapping[str, str]) -> CiRun:
    repository = given["GITHUB_REPOSITORY"]
    if not _REPOSITORY.fullmatch(repository):
        raise _wrong("GITHUB_REPOSITORY", "OWNER/NAME")
    event = _event(given.get("GITHUB_EVENT_PATH", ""))
    pull = event.get("pull_request")
    number, fork, commit = None, False, given.get("GITHUB_SHA", "")
    if pull is not None:
        try:
            number, head = pull["number"], pull["head"]
            commit = str(head["sha"])
            # The repository of a fork that was deleted since is null.
            fork = (head.get("repo") or {}).get("full_name") != repository
        except (KeyError, TypeError, AttributeError):
            raise _wrong("GITHUB_EVENT_PATH", "the event of a pull request") from None
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise _wrong("GITHUB_EVENT_PATH", "a pull request with a number")
    page = ""
    if (run := given.get("GITHUB_RUN_ID", "")).isascii() and run.isdigit():
        server = _address(given, "GITHUB_SERVER_URL", "https://github.com")
        page = f"{server}/{repository}/actions/runs/{run}"
    return CiRun(
        "github",
        _address(given, "GITHUB_API_URL", github.API),
        repository,
        number,
        fork,
        commit if _COMMIT.fullmatch(commit) else "",
        page,
        _token(given, "github"),
    )


def _gitlab(given: Mapping[str, str]) -> CiRun:
    project, asked = given["CI_PROJECT_ID"], given.get("CI_MERGE_REQUEST_IID", "")
    for name, value in (("CI_PROJECT_ID", project), ("CI_MERGE_REQUEST_IID", asked or "1")):
        if not (value.isascii() and value.isdigit()):
            raise _wrong(name, "a number")
    source = given.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", project)
    commit = given.get("CI_COMMIT_SHA", "")
    page = _address(given, "CI_PIPELINE_URL", "") if given.get("CI_PIPELINE_URL") else ""
    return CiRun(
        "gitlab",
        _address(given, "CI_API_V4_URL", gitlab.API),
        project,
        int(asked) if asked else None,
        source != project,
        commit if _COMMIT.fullmatch(commit) else "",
        page,
        _token(given, "gitlab"),
    )


def _event(path: str) -> dict[str, Any]:
    if not path:
        return {}
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise _wrong("GITHUB_EVENT_PATH", "a file of JSON") from None
    if not isinstance(event, dict):
        raise _wrong("GITHUB_EVENT_PATH", "a file that holds an event")
    return event


def _address(given: Mapping[str, str], name: str, otherwise: str) -> str:
    try:
        return validate_api_address(given.get(name) or otherwise)
    except ValueError as error:
        raise CodeHostFailed(f"of no use: {error}", where=name) from None


def _token(given: Mapping[str, str], kind: Kind) -> str:
    token = given.get(TOKENS[kind], "").strip()
    # A line's end would add a header. The message must not hold the token.
    if any(not "!" <= letter <= "~" for letter in token):
        raise _wrong(TOKENS[kind], "a token, without spaces")
    return token


def _wrong(name: str, expected: str) -> CodeHostFailed:
    return CodeHostFailed("the environment variable is of no use", where=name, expected=expected)
