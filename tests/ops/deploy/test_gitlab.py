"""The jobs against GitLab's published schema, and what they would do."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.ops.deploy.target import RETRIED
from assay.project import params
from tests.ops.deploy.given import ROOT, documents, project, texts

NAME = "assay.gitlab-ci.yml"


def schema_check(path: Path) -> subprocess.CompletedProcess[str]:
    # The schema lies in the package: nothing is fetched.
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    return subprocess.run(
        [*command, "--data-transform", "gitlab-ci", str(path)], capture_output=True, text=True
    )


def jobs(given: Any = None) -> dict[str, dict[str, Any]]:
    """Each job with what it takes from the hidden one."""
    (found,) = documents(texts(given or project(), "gitlab")[NAME])
    common = found.pop(".assay")
    assert {each.pop("extends") for each in found.values()} == {".assay"}
    return {name: common | each for name, each in found.items()}


def job(given: Any = None) -> dict[str, Any]:
    return jobs(given)["nightly"]


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
    before = job()["before_script"]
    # The origin here has another owner too; where it is a host, it has none.
    script = "\n".join(["set -e", *before]).replace("git fetch --quiet --tags origin", "git status")
    script = script.replace("/tmp/assay-id-token", str(tmp_path / "token"))
    monkeypatch.setenv("ASSAY_ID_TOKEN", "ey.J.w")
    done = subprocess.run(["sh", "-c", script], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    trusted = (tmp_path / ".gitconfig").read_text()
    assert ((tmp_path / "token").read_text(), (tmp_path / "token").stat().st_mode & 0o777) == (
        "ey.J.w",
        0o600,
    )
    assert trusted.split() == ["[safe]", "directory", "=", str(checkout)]


def test_the_store_s_address_is_one_word_of_the_command() -> None:
    store = 's3://b/it\'s $X `id` "q" %'
    given = project().model_copy(update={"store": store})
    (line,) = job(given)["script"]
    assert shlex.split(line) == ["assay", "nightly", "--reports-at", f"{store}-reports"]


def test_the_whole_life_is_there_and_what_writes_is_in_an_environment() -> None:
    found = jobs()
    assert {name: each.get("environment") for name, each in found.items()} == {
        "lock": None,
        "gate": None,
        "promote": "production",
        "rollback": "production",
        "nightly": "nights",
        "retrain": "nights",
    }
    groups = [each.get("resource_group", "").rpartition("-")[2] for each in found.values()]
    assert groups == ["", "", "promote", "promote", "nightly", "retrain"]
    # What is trained again waits for the night, however that ended.
    assert found["retrain"]["needs"] == [{"job": "nightly", "artifacts": False}]
    assert found["retrain"]["rules"][0]["when"] == "always"


def test_a_table_that_dvc_keeps_is_fetched_before_the_night() -> None:
    given = params.load(ROOT).model_copy(update={"store": "s3://late-flights/store"})
    given = given.model_copy(update={"schedule": project().schedule})
    *before, night = job(given)["script"]
    assert before == ["assay remote pull --sources", "dvc repro --single-item --force ingest"]
    assert night.startswith("assay nightly ")


def test_every_command_and_option_exists() -> None:
    from assay.cli.__main__ import build_parser

    lines = [
        line.strip().removeprefix("if ! ").partition(" ||")[0].removesuffix("; then")
        for each in jobs().values()
        for script in (*each["script"], *each.get("after_script", ()))
        for line in script.splitlines()
    ]
    commands = [line for line in lines if line.startswith("assay ")]
    assert len(commands) > 15
    for line in commands:
        words = shlex.split(line.replace('${VERSION:+--to "$VERSION"}', "--to v1"))
        build_parser().parse_args(words[1:])


FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >> "$LOG"
case "$(basename "$0") $*" in $FAILS) exit $CODE;; esac
"""


def call(
    tmp_path: Path, name: str, fails: str = "none", code: int = 1, **variables: str
) -> tuple[int, list[str]]:
    """Run a job's script as GitLab's shell does, with stand-ins for assay, dvc and git."""
    for tool in ("assay", "dvc", "git"):
        path = tmp_path / tool
        path.write_text(FAKE.replace("$FAILS", fails))
        path.chmod(0o755)
    log = tmp_path / "log"
    log.write_text("")
    script = "\n".join(["set -eo pipefail", *jobs()[name]["script"]])
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "CODE": str(code), **variables}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True)
    return done.returncode, log.read_text().splitlines()


def test_the_gate_judges_anew_only_what_changed(tmp_path: Path) -> None:
    code, ran = call(tmp_path, "gate")
    assert (code, ran) == (
        0,
        ["assay gate unchanged --exit-code", "assay gate verdict --committed"],
    )
    code, ran = call(tmp_path, "gate", '"assay gate unchanged"*', 3)
    assert code == 0 and [each.split()[1] for each in ran] == [
        "gate", "remote", "repro", "gate", "repro", "gate", "repro", "gate", "remote", "plan",
    ]  # fmt: skip
    assert ran[-3:] == [
        "assay gate verdict --committed",
        "assay remote push",
        "assay plan --dry-run",
    ]


@pytest.mark.parametrize(
    ("step", "code"),
    [('"assay gate access"*', 27), ('"dvc repro --force"*', 255), ('"assay gate rows"', 10)],
)
def test_what_keeps_it_from_being_judged_ends_the_gate(
    tmp_path: Path, step: str, code: int
) -> None:
    ended, ran = call(tmp_path, "gate", f'{step}|"assay gate unchanged"*', code)
    assert ended == code
    assert not {"assay gate verdict --committed", "assay remote push"} & {*ran}


def test_a_model_that_the_gate_refused_is_put_before_people(tmp_path: Path) -> None:
    assert call(tmp_path, "retrain") == (
        0,
        ["assay check --bucket", "assay window --if-advised", "git diff --quiet -- params.yaml"],
    )
    code, ran = call(tmp_path, "retrain", '"git diff"*|"dvc repro"', 255)
    assert code == 0 and ran[-3:] == ["dvc repro", "assay remote push", "assay propose"]


@pytest.mark.parametrize("version", ["", "v0.1.0"])
def test_what_a_person_types_into_a_pipeline_stays_one_word(tmp_path: Path, version: str) -> None:
    because = "$(touch pwned); `id`"
    _, ran = call(tmp_path, "rollback", VERSION=version, BECAUSE=because)
    to = f"--to {version} " if version else ""
    assert ran[-1] == f"assay rollback {to}--because {because} --approved --push"
    assert not (tmp_path / "pwned").exists()
