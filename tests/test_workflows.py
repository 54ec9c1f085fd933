"""The workflows are valid, pinned, and cannot be talked into running a stranger's text.

What they do is tested by running them (tests/workflows/). Here is what act does not emulate:
permissions, environments, concurrency, time limits, filters of events.
"""

from __future__ import annotations

import re
import shlex
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


def jobs_of(name: str) -> dict[str, Any]:
    return read(ROOT / f".github/workflows/{name}.yml")


def schema_check(*paths: Path) -> subprocess.CompletedProcess[str]:
    # The schema lies in the package: nothing is fetched.
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    return subprocess.run(
        [*command, "vendor.github-workflows", *map(str, paths)], capture_output=True, text=True
    )


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = read(ROOT / f".github/workflows/{name}.yml")["jobs"]
    return found


def test_there_are_seven() -> None:
    names = ["ci", "deep", "gate", "nightly", "promote", "release", "retrain"]
    assert [path.stem for path in WORKFLOWS] == names


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress"]
    done = subprocess.run([*command, *WORKFLOWS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    bad = tmp_path / ".github" / "workflows" / "bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    done = subprocess.run([*command, bad], capture_output=True, text=True)
    assert done.returncode != 0 and "template-injection" in done.stdout


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


READ = {"contents": "read"}
PERMITTED = {
    "ci": {"run": READ, "wheel": READ, "demo": READ, "workflows": READ},
    "gate": {
        "lock": READ,
        "judge": READ | {"id-token": "write", "pull-requests": "write"},
        "gate": {},
    },
    "nightly": {"night": READ | {"id-token": "write", "issues": "write"}},
    "promote": {
        "model": READ,
        "promote": {
            "actions": "read",
            "checks": "read",
            "contents": "write",
            "id-token": "write",
            "pull-requests": "read",
        },
    },
    "release": {
        "build": READ | {"attestations": "write", "id-token": "write"},
        "images": READ | {"attestations": "write", "id-token": "write", "packages": "write"},
        "publish": {"contents": "write"},
        "site": {"id-token": "write", "pages": "write"},
    },
    "deep": {"deep": READ},
    "retrain": {
        "retrain": {
            "actions": "write",
            "contents": "write",
            "id-token": "write",
            "pull-requests": "write",
        }
    },
}
ENVIRONMENTS = {
    ("promote", "promote"): "production",
    ("nightly", "night"): "nights",
    ("retrain", "retrain"): "nights",
    **{("release", name): "release" for name in ("build", "images", "publish")},
    ("release", "site"): {"name": "github-pages", "url": "${{ steps.deploy.outputs.page_url }}"},
}
WAITS = {"nightly": "nightly", "promote": "promote", "retrain": "retrain"}


@each_workflow
def test_each_job_may_do_what_it_needs_and_no_more(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    permitted = {name: job["permissions"] for name, job in workflow["jobs"].items()}
    assert permitted == PERMITTED[path.stem]


def test_what_writes_to_the_bucket_or_promotes_is_in_an_environment() -> None:
    found = {
        (path.stem, name): job["environment"]
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
        if "environment" in job
    }
    assert found == ENVIRONMENTS


@each_workflow
def test_jobs_end_and_do_not_pile_up(path: Path) -> None:
    workflow = read(path)
    assert "group" in workflow["concurrency"]
    most = 180 if path.stem == "deep" else 60
    assert all(job["timeout-minutes"] <= most for job in workflow["jobs"].values())


@pytest.mark.parametrize(("name", "group"), WAITS.items())
def test_two_of_them_never_run_at_once_and_none_is_cut_off(name: str, group: str) -> None:
    given = read(ROOT / f".github/workflows/{name}.yml")["concurrency"]
    assert given == {"group": group, "cancel-in-progress": False}


@each_workflow
def test_secrets_are_the_token_alone_and_in_the_steps_that_need_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "secrets." not in text
    for step in steps(read(path)):
        if "github.token" in str(step):
            assert step["env"]["GITHUB_TOKEN"] == "${{ github.token }}"
            own = r"assay (comment|promote|rollback|alert|propose)\b"
            release = r"gh release create |podman login ghcr\.io .* --password-stdin <<< "
            assert re.match(f"{own}|{release}", step["run"])


def test_a_fork_gets_no_role_and_nothing_of_the_bucket() -> None:
    inside = "head.repo.full_name == github.repository"
    asked = ("configure-aws-credentials", "azure/login", "assay remote")
    found = [step for step in steps(jobs_of("gate")) if any(each in str(step) for each in asked)]
    assert len(found) == 4
    assert all(inside in step["if"] for step in found)


@pytest.mark.parametrize(
    ("action", "key", "reads", "writes"),
    [
        ("configure-aws-credentials", "role-to-assume", "AWS_READ_ROLE", "AWS_ROLE"),
        ("azure/login", "client-id", "AZURE_READ_CLIENT", "AZURE_CLIENT"),
    ],
)
def test_what_nobody_reviewed_runs_with_the_role_that_may_only_read(
    action: str, key: str, reads: str, writes: str
) -> None:
    given = {
        path.stem: (step["with"][key], step["if"].partition(" && ")[0])
        for path in WORKFLOWS
        for step in steps(read(path))
        if action in step.get("uses", "")
    }
    told = {name: (f"${{{{ vars.{name} }}}}", f"vars.{name} != ''") for name in (reads, writes)}
    others = dict.fromkeys(("nightly", "promote", "retrain"), told[writes])
    assert given == {**others, "gate": told[reads]}


@pytest.mark.parametrize("name", ["gate", "ci"])
def test_a_merge_queue_gets_its_checks(name: str) -> None:
    started = read(ROOT / f".github/workflows/{name}.yml")["on"]
    assert {"pull_request", "merge_group"} <= started.keys()


def test_only_a_change_of_the_model_on_main_is_promoted() -> None:
    workflow = read(ROOT / ".github/workflows/promote.yml")
    # YAML 1.2 reads `on` as a word, 1.1 as a truth value.
    assert workflow["on"]["push"] == {"branches": ["main"], "paths": ["dvc.lock"]}
    told = jobs("promote")["promote"]["if"]
    assert told.startswith("!cancelled() && github.ref == 'refs/heads/main' &&")
    # Whoever approves is asked only where there is something to promote.
    assert "needs.model.outputs.promoted == 'false'" in told


def test_what_is_not_judged_is_neither_green_nor_red() -> None:
    """The required check is the job `gate`, which ends as `judge` does, whatever happened to it."""
    job = jobs("gate")["gate"]
    assert (job["needs"], job["if"]) == ("judge", "always()")
    assert job["name"].endswith(" || 'gate' }}")
    (step,) = job["steps"]
    assert (step["run"], step["env"]) == (
        'test "$JUDGED" = success',
        {"JUDGED": "${{ needs.judge.result }}"},
    )


def test_an_unchanged_model_is_neither_pulled_trained_nor_judged() -> None:
    found = jobs("gate")["judge"]["steps"]
    (at,) = (n for n, step in enumerate(found) if step.get("run") == "assay gate unchanged")
    still = ("gate verdict", "assay comment", "upload-artifact")
    for step in found[at + 1 :]:
        always = any(each in str(step) for each in still)
        assert ("steps.model.outputs.unchanged != 'true'" in step["if"]) is not always


def test_the_schedule_waits_for_the_variable() -> None:
    for name, job in (("nightly", "night"), ("retrain", "retrain")):
        told = jobs(name)[job]["if"]
        assert told == "github.event_name == 'workflow_dispatch' || vars.NIGHTLY == 'on'"


def test_dvc_s_cache_is_named_by_what_is_in_it() -> None:
    (step,) = (s for s in steps(jobs_of("gate")) if "actions/cache@" in s.get("uses", ""))
    assert step["with"]["path"] == ".dvc/cache"
    assert "hashFiles('dvc.lock', 'params.yaml')" in step["with"]["key"]
    # A release takes nothing that another run left.
    assert "cache" not in str([step.get("with") for step in steps(jobs_of("release"))])


ONE_COMMAND = re.compile(
    r"(assay|dvc|make|gh release create|\.venv/bin/assay|\.ci/run)( [^\n;|&`]*)?"
)
GLUE = (
    'echo "$PWD/.venv/bin" >> "$GITHUB_PATH"',
    "rm -f reports/gate/verdict.json",
    'test "$JUDGED" = success',
    'cat reports/incident.md >> "$GITHUB_STEP_SUMMARY"',
    'podman login ghcr.io --username "$GITHUB_ACTOR" --password-stdin <<< "$GITHUB_TOKEN"',
)


@each_workflow
def test_each_step_is_one_command_that_a_laptop_has_too(path: Path) -> None:
    scripts = [step["run"].strip() for step in steps(read(path)) if "run" in step]
    odd = [each for each in scripts if not ONE_COMMAND.fullmatch(each) and each not in GLUE]
    # The quick check of dvc.lock is left out where there is none.
    assert [each for each in odd if not each.startswith("if [ -f dvc.lock ]")] == []


@each_workflow
def test_every_command_and_option_exists(path: Path) -> None:
    from assay.cli.__main__ import build_parser

    for step in steps(read(path)):
        words = shlex.split(step.get("run", ""))
        if words and words[0] in ("assay", ".venv/bin/assay"):
            build_parser().parse_args(words[1:])


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
    assert ran == [".ci/run", "make wheel", "make demo", "make test-workflows"]
    matrices = [job["strategy"]["matrix"] for job in jobs("ci").values() if "strategy" in job]
    supported = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert [each["python"] for each in matrices] == [supported, supported]
    assert matrices[1]["os"] == ["ubuntu-24.04", "macos-15"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o100
    # A laptop without a database skips the tests that talk to one; this installs it.
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "export CI=true" in script and "python -m scripts.needs" in script
    assert "for target in setup test check" in script


@pytest.mark.parametrize("name", ["ci", "gate", "nightly", "promote", "retrain"])
def test_the_champion_s_tag_and_commit_are_there(name: str) -> None:
    without = ("check --lock", "make wheel", "needs.judge.result")
    asking = [job for job in jobs(name).values() if not any(w in str(job) for w in without)]
    assert asking
    for job in asking:
        (given,) = (s["with"] for s in job["steps"] if "checkout@" in s.get("uses", ""))
        assert (given["fetch-depth"], given["fetch-tags"]) == (0, True)


def test_the_gate_s_first_job_asks_whether_the_lock_is_current() -> None:
    first = next(iter(jobs("gate").values()))
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
    assert named("gate", "The verdict is PASS, and the one that was committed") == (
        "assay gate verdict --committed"
    )
    scripts = [str(step.get("run")) for step in steps(read(ROOT / ".github/workflows/gate.yml"))]
    assert not any("grep" in script for script in scripts)
