"""What is read from a CI run's environment, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.errors import CodeHostFailed
from assay.project.ci_run import read_environment
from tests.code_host import REPOSITORY, TOKEN, CodeHost

HOST = CodeHost(url="http://127.0.0.1:1")
SHA = "0f3c2ab9" * 5


def event(folder: Path, **pull: Any) -> str:
    head = {"sha": SHA, "repo": {"full_name": REPOSITORY}}
    path = folder / "event.json"
    path.write_text(json.dumps({"pull_request": {"number": 4, "head": head, **pull}}))
    return str(path)


def test_outside_of_ci_there_is_none() -> None:
    assert read_environment({"PATH": "/bin"}) is None


def test_a_pull_request_on_github(tmp_path: Path) -> None:
    given = HOST.environment(GITHUB_EVENT_PATH=event(tmp_path), GITHUB_RUN_ID="12")
    run = read_environment(given)
    assert run is not None and (run.kind, run.pull_request, run.commit) == ("github", 4, SHA)
    assert run.page == f"https://github.com/{REPOSITORY}/actions/runs/12"
    assert not run.from_fork and run.token == TOKEN
    assert TOKEN not in repr(run)


@pytest.mark.parametrize("repo", [None, {"full_name": "mallory/late-flights"}])
def test_a_fork_also_one_that_was_deleted(tmp_path: Path, repo: Any) -> None:
    path = event(tmp_path, head={"sha": SHA, "repo": repo})
    run = read_environment(HOST.environment(GITHUB_EVENT_PATH=path))
    assert run is not None and run.from_fork


def test_a_merge_request_on_gitlab() -> None:
    run = read_environment(
        HOST.gitlab_environment(
            CI_MERGE_REQUEST_IID="4",
            CI_MERGE_REQUEST_SOURCE_PROJECT_ID="8",
            CI_COMMIT_SHA=SHA,
            CI_PIPELINE_URL="https://gitlab.com/acme/x/-/pipelines/3",
        )
    )
    assert run is not None and (run.kind, run.pull_request) == ("gitlab", 4)
    assert run.from_fork and run.commit == SHA and run.page.endswith("/pipelines/3")


def test_a_schedule_is_about_no_pull_request(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text('{"schedule": "0 5 * * *"}')
    run = read_environment(HOST.environment(GITHUB_EVENT_PATH=str(path)))
    assert run is not None and run.pull_request is None


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"GITHUB_REPOSITORY": "acme/x/../y"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_REPOSITORY": "acme/x?y"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_API_URL": "file:///etc"}, "GITHUB_API_URL"),
        ({"GITHUB_TOKEN": f"{TOKEN}\nX: y"}, "GITHUB_TOKEN"),
        ({"GITHUB_EVENT_PATH": "/nowhere/event.json"}, "GITHUB_EVENT_PATH"),
    ],
)
def test_what_makes_no_sense_is_refused_without_the_token(
    changes: dict[str, str], names: str
) -> None:
    with pytest.raises(CodeHostFailed, match=names) as caught:
        read_environment(HOST.environment(**changes))
    assert TOKEN not in caught.value.line()


@pytest.mark.parametrize("pull", [{"number": "4"}, {"number": 0}, {"head": None}, {"head": {}}])
def test_an_event_of_another_form(tmp_path: Path, pull: dict[str, Any]) -> None:
    with pytest.raises(CodeHostFailed, match="GITHUB_EVENT_PATH"):
        read_environment(HOST.environment(GITHUB_EVENT_PATH=event(tmp_path, **pull)))


@pytest.mark.parametrize("name", ["CI_PROJECT_ID", "CI_MERGE_REQUEST_IID"])
def test_gitlabs_numbers_are_numbers(name: str) -> None:
    with pytest.raises(CodeHostFailed, match=name):
        read_environment(HOST.gitlab_environment(**{name: "7/../8"}))
