"""The job against GitLab's published schema."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.ops.deploy.target import RETRIED
from tests.ops.deploy.given import documents, project, texts

NAME = "nightly.gitlab-ci.yml"


def schema_check(path: Path) -> subprocess.CompletedProcess[str]:
    # The schema lies in the package: nothing is fetched.
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    return subprocess.run(
        [*command, "--data-transform", "gitlab-ci", str(path)], capture_output=True, text=True
    )


def job(given: Any = None) -> dict[str, Any]:
    (found,) = documents(texts(given or project(), "gitlab")[NAME])
    assert found.keys() == {"nightly"}
    nightly: dict[str, Any] = found["nightly"]
    return nightly


def test_gitlab_knows_every_key(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text(texts(project(), "gitlab")[NAME])
    done = schema_check(path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("resource_group:", "resource_groop:"), ("max: 2", "max: 3"), ("[4, 6, 51]", "[four]")],
)
def test_the_schema_would_tell(tmp_path: Path, right: str, wrong: str) -> None:
    path = tmp_path / NAME
    text = texts(project(), "gitlab")[NAME]
    assert right in text
    path.write_text(text.replace(right, wrong))
    assert schema_check(path).returncode != 0


def test_one_night_at_a_time_with_an_end() -> None:
    found = job()
    assert found["resource_group"] == "late-flights-nightly"
    assert (found["timeout"], found["interruptible"]) == ("240 minutes", False)
    assert found["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]


def test_an_answer_is_no_failure_and_never_tried_again() -> None:
    found = job(project(retries=7))
    assert found["allow_failure"] == {"exit_codes": [4, 6, 51]}
    assert found["retry"]["max"] == 2  # the most that GitLab takes
    assert found["retry"]["exit_codes"] == list(RETRIED)
    # Any failure of a script is one, also an answer: exit_codes alone decide about those.
    assert "script_failure" not in found["retry"]["when"]


def test_git_reads_a_checkout_of_another_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner clones as root, and the image's user is another."""
    checkout = tmp_path / "builds"
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "origin")], check=True)
    subprocess.run(["git", "clone", "--quiet", str(tmp_path / "origin"), checkout], check=True)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CI_PROJECT_DIR", str(checkout))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    *before, assay = job()["script"]
    assert assay.startswith("assay ")
    # The origin here has another owner too; where it is a host, it has none.
    script = "\n".join(["set -e", *before]).replace("git fetch --quiet --tags origin", "git status")
    done = subprocess.run(["sh", "-c", script], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    trusted = (tmp_path / ".gitconfig").read_text()
    assert trusted.split() == ["[safe]", "directory", "=", str(checkout)]


def test_the_store_s_address_is_one_word_of_the_command() -> None:
    store = 's3://b/it\'s $X `id` "q" %'
    given = project().model_copy(update={"store": store})
    *_, line = job(given)["script"]
    assert shlex.split(line) == ["assay", "nightly", "--reports-at", f"{store}-reports"]
