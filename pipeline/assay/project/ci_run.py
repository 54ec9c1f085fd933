"""What a CI run's environment says of the code host: where, what, with which token."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, PositiveInt

from assay.errors import CodeHostFailed
from assay.project.http_request import validate_api_address

Kind = Literal["github", "gitlab"]

TOKENS: Mapping[Kind, str] = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}
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


class _Repository(BaseModel):
    full_name: str


class _Head(BaseModel):
    sha: str
    # The repository of a fork that was deleted since is null.
    repo: _Repository | None = None


class _PullRequest(BaseModel, strict=True):
    number: PositiveInt
    head: _Head


class _Event(BaseModel):
    """What of GitHub's event is read; null if the run is about no pull request."""

    pull_request: _PullRequest | None = None


def _github(given: Mapping[str, str]) -> CiRun:
    repository = _matching(given, "GITHUB_REPOSITORY", r"[\w.-]+/[\w.-]+", "OWNER/NAME")
    number, fork, commit = None, False, given.get("GITHUB_SHA", "")
    if (pull := _event(given.get("GITHUB_EVENT_PATH", "")).pull_request) is not None:
        number, commit = pull.number, pull.head.sha
        fork = pull.head.repo is None or pull.head.repo.full_name != repository
    page = ""
    if (run := given.get("GITHUB_RUN_ID", "")).isascii() and run.isdigit():
        server = _address(given, "GITHUB_SERVER_URL", "https://github.com")
        page = f"{server}/{repository}/actions/runs/{run}"
    return CiRun(
        "github",
        _address(given, "GITHUB_API_URL", "https://api.github.com"),
        repository,
        number,
        fork,
        commit if _COMMIT.fullmatch(commit) else "",
        page,
        _token(given, "github"),
    )


def _gitlab(given: Mapping[str, str]) -> CiRun:
    project = _matching(given, "CI_PROJECT_ID", r"\d+", "a number")
    asked = _matching(given, "CI_MERGE_REQUEST_IID", r"\d*", "a number")
    commit = given.get("CI_COMMIT_SHA", "")
    return CiRun(
        "gitlab",
        _address(given, "CI_API_V4_URL", "https://gitlab.com/api/v4"),
        project,
        int(asked) if asked else None,
        given.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", project) != project,
        commit if _COMMIT.fullmatch(commit) else "",
        _address(given, "CI_PIPELINE_URL", "") if given.get("CI_PIPELINE_URL") else "",
        _token(given, "gitlab"),
    )


def _event(path: str) -> _Event:
    try:
        return _Event.model_validate_json(Path(path).read_bytes()) if path else _Event()
    except (OSError, ValueError):
        raise _wrong("GITHUB_EVENT_PATH", "the file of GitHub's event") from None


def _matching(given: Mapping[str, str], name: str, pattern: str, expected: str) -> str:
    if not re.fullmatch(pattern, given.get(name, ""), re.ASCII):
        raise _wrong(name, expected)
    return given.get(name, "")


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
