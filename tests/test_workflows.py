"""The workflows are valid, pinned, and cannot be talked into running a stranger's text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
# What a person outside the project can choose: titles, branch names, inputs of a run.
FOREIGN = re.compile(
    r"\$\{\{.*?\b(inputs|github\.(event|head_ref|ref|ref_name))\b.*?\}\}", re.DOTALL
)

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    tree: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return tree


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def schema_check(*paths: Path) -> subprocess.CompletedProcess[str]:
    # The schema lies in the package: nothing is fetched.
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    return subprocess.run(
        [*command, "vendor.github-workflows", *map(str, paths)], capture_output=True, text=True
    )


def test_there_are_three() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "gate", "nightly"]


def test_valid_by_the_published_schema() -> None:
    done = schema_check(*WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("on: push\njobs: {a: {runs-on: x, steps: [{runn: true}]}}\n")
    assert schema_check(broken).returncode != 0


@each_workflow
def test_actions_are_pinned_by_digest_with_their_version(path: Path) -> None:
    used = [step["uses"] for step in steps(read(path)) if "uses" in step]
    assert used
    assert [action for action in used if not PINNED.match(action)] == []
    lines = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert [line for line in lines if not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


@each_workflow
def test_nothing_is_permitted_but_to_read(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert all(job["permissions"] == {"contents": "read"} for job in workflow["jobs"].values())


@each_workflow
def test_jobs_end_and_do_not_pile_up(path: Path) -> None:
    workflow = read(path)
    assert "group" in workflow["concurrency"]
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@each_workflow
def test_checkout_leaves_no_credentials(path: Path) -> None:
    checkouts = [s for s in steps(read(path)) if s.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@each_workflow
def test_no_foreign_text_reaches_a_shell(path: Path) -> None:
    scripts = [step["run"] for step in steps(read(path)) if "run" in step]
    assert scripts
    assert [script for script in scripts if FOREIGN.search(script)] == []


def test_foreign_text_would_be_found() -> None:
    assert FOREIGN.search('assay score --date "${{ inputs.date }}"')
    assert FOREIGN.search("echo ${{ github.event.pull_request.title }}")
    assert FOREIGN.search("git switch ${{ format('{0}', github.head_ref) }}")
    assert not FOREIGN.search("echo ${{ runner.os }}")


def test_ci_is_what_a_laptop_runs() -> None:
    ran = [step["run"] for step in steps(read(ROOT / ".github/workflows/ci.yml")) if "run" in step]
    assert ran == [".ci/run", "make demo", "make test-image"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o100
    # A laptop without a database skips the tests that talk to one; this installs it.
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "export CI=true" in script and "python -m scripts.needs" in script


@pytest.mark.parametrize("name", ["ci", "gate", "nightly"])
def test_the_champion_s_tag_and_commit_are_there(name: str) -> None:
    jobs = read(ROOT / f".github/workflows/{name}.yml")["jobs"]
    asking = [job for job in jobs.values() if "check --lock" not in str(job)]
    assert asking
    for job in asking:
        (given,) = (s["with"] for s in job["steps"] if "checkout@" in s.get("uses", ""))
        assert (given["fetch-depth"], given["fetch-tags"]) == (0, True)


def test_the_gate_s_first_job_asks_whether_the_lock_is_current() -> None:
    jobs = read(ROOT / ".github/workflows/gate.yml")["jobs"]
    first = next(iter(jobs.values()))
    assert ".venv/bin/assay check --lock" in [step.get("run") for step in first["steps"]]
    # Where no lock is committed, every later step is left out, and the summary says so.
    (at,) = (n for n, step in enumerate(first["steps"]) if step.get("id") == "committed")
    rest = first["steps"][at + 1 :]
    assert {step["if"] for step in rest} == {"steps.committed.outputs.lock == 'true'"}


def named(workflow: str, name: str) -> str:
    (found,) = (
        step
        for step in steps(read(ROOT / f".github/workflows/{workflow}.yml"))
        if step.get("name") == name
    )
    return str(found["run"])


def test_the_gate_s_workflow_asks_the_verdict_and_searches_no_text() -> None:
    assert named("gate", "The verdict is PASS") == "assay gate verdict"
    scripts = [str(step.get("run")) for step in steps(read(ROOT / ".github/workflows/gate.yml"))]
    assert not any("grep" in script for script in scripts)


@pytest.mark.parametrize(
    ("workflow", "remotes", "tags", "code"),
    [
        ("nightly", "", "m#prod#1", 1),
        ("nightly", "", "", 1),
        ("nightly", "storage s3://bucket", "m#prod#1", 0),
        ("gate", "", "m#prod#1", 1),
        ("gate", "", "", 0),
        ("gate", "storage s3://bucket", "m#prod#1", 0),
    ],
)
def test_without_a_remote_it_is_said_at_once_in_one_line(
    tmp_path: Path, workflow: str, remotes: str, tags: str, code: int
) -> None:
    for tool, said in (("dvc", remotes), ("git", tags)):
        (tmp_path / tool).write_text(f"#!/bin/sh\nprintf '%s' '{said}'\n")
        (tmp_path / tool).chmod(0o755)
    done = subprocess.run(
        ["bash", "-e", "-c", named(workflow, "The champion's bundle can be had")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert done.stderr.count("\n") == code
    assert ("dvc remote add --default NAME URL" in done.stderr) == bool(code)
