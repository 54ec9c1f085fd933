"""A pull request that leaves the model as a promoted version has it, on a runner without data."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assay.gate import unchanged
from assay.project import layout, params
from tests import projects, remembered
from tests.code_host import REPOSITORY

Call = Callable[..., str]
UNCHANGED = "the model is unchanged: v0.1.0"
STAGES = (
    *("code", "train prior", "train logistic", "select", "evaluate", "champion", "compare"),
    *("nights", "rehearse", "gate"),
)
"""Those that depend on ``train.folds``, or on who holds the stage."""


@pytest.fixture(scope="module")
def improved(promoted: Path, tmp_path_factory: pytest.TempPathFactory, call: Call) -> Path:
    """The promoted project after a second model became v0.2.0."""
    root = tmp_path_factory.mktemp("improved") / "live"
    shutil.copytree(promoted, root, symlinks=True)
    edit(root / layout.PARAMS, "folds: 4", "folds: 3")
    # What `dvc repro` would run, most of it without a process a stage.
    for stage in STAGES:
        call(root, "assay", "stage", *stage.split())
    projects.dvc(root, "commit", "--quiet", "--force")
    commit(root, call, "Three folds")
    call(root, "assay", "promote", "--because", "second model")
    return root


@pytest.fixture(autouse=True)
def _remembered() -> Iterator[None]:
    with remembered.results():
        yield


@pytest.fixture
def runner(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A checkout of a project's branch with its tags, and nothing that DVC keeps."""

    def clone(project: Path, fork: bool = False) -> Path:
        target = tmp_path / "runner"
        call(tmp_path, "git", "clone", "--quiet", str(project), str(target))
        event = tmp_path / "event.json"
        head = {"sha": "a" * 40, "repo": {"full_name": "stranger/fork" if fork else REPOSITORY}}
        event.write_text(json.dumps({"pull_request": {"number": 1, "head": head}}))
        given = {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        return target

    return clone


def edit(path: Path, was: str, now: str) -> None:
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now))


def commit(root: Path, call: Call, message: str) -> None:
    call(root, "git", "add", "--all")
    call(root, "git", "commit", "--quiet", "--message", message)


def summary(runner: Path, call: Call) -> str:
    """What the comment says, in a run that may not write one."""
    call(runner, "assay", "comment")
    return Path(os.environ["GITHUB_STEP_SUMMARY"]).read_text()


def test_a_change_of_the_readme_after_a_promotion_is_green_without_data(
    live: Path, runner: Callable[..., Path], call: Call
):
    (live / "README.md").write_text("# Parcels\n")
    commit(live, call, "Say what it is")
    there = runner(live)
    assert "unchanged=true" in _output(there, call)
    assert UNCHANGED in call(there, "assay", "gate", "verdict", "--committed")
    assert not (there / layout.BUNDLE).exists() and not (there / layout.RAW).exists()
    told = summary(there, call)
    assert UNCHANGED in told.splitlines()[2]
    assert "0.0000" not in told and "PASS" not in told and "NO VERDICT" not in told


def test_what_is_printed_of_a_commit_is_what_its_comment_says(
    promoted: Path, runner: Callable[..., Path], call: Call
):
    there = runner(promoted)
    assert UNCHANGED in call(there, "assay", "report", "--format", "github").splitlines()[2]
    # What nobody has committed yet is no promoted version's.
    (there / "README.md").write_text("# Parcels\n")
    told = call(there, "assay", "report", "--format", "github")
    assert "NO VERDICT" in told and UNCHANGED not in told


def test_a_revert_of_a_promoted_model_says_which_version_it_is(
    improved: Path, runner: Callable[..., Path], call: Call
):
    there = runner(improved)
    call(there, "git", "revert", "--no-edit", "HEAD")
    told = call(there, "assay", "gate", "verdict", "--committed")
    assert f"{UNCHANGED}, and v0.2.0 holds prod" in told
    assert UNCHANGED in summary(there, call)
    # Merged, it asks nobody: there is nothing to promote, and a rollback is a step of its own.
    assert "promoted=true" in _output(there, call)
    merged = call(there, "assay", "promote", "--merged", "--push")
    assert "nothing to promote: the model of this commit is v0.1.0, and v0.2.0 holds" in merged
    assert "assay rollback --to v0.1.0" in merged


def test_a_fork_that_may_not_read_the_data_is_not_judged(
    promoted: Path, runner: Callable[..., Path], call: Call
):
    there = runner(promoted, fork=True)
    assert UNCHANGED in call(there, "assay", "gate", "verdict", "--committed")
    weaken_a_rule(there)
    commit(there, call, "Let it pass")
    told = call(there, "assay", "gate", "access")
    assert "not judged: no access to the data (found the rows of the source)" in told
    assert "gh workflow run gate.yml --ref assay/fork-1" in told
    # The parcels are at hand for anybody, and the champion's bundle is not.
    call(there, "dvc", "repro", "ingest", "champion")
    told = call(there, "assay", "gate", "verdict", "--committed", code=27)
    assert "not judged: no access to the data (found the champion's bundle (v0.1.0))" in told
    told = summary(there, call)
    assert "not judged: no access to the data" in told.splitlines()[2]
    assert "PASS" not in told and "VERDICT" not in told


def _output(there: Path, call: Call) -> str:
    call(there, "assay", "gate", "unchanged")
    return Path(os.environ["GITHUB_OUTPUT"]).read_text()


def tamper_with_the_verdict(root: Path) -> None:
    edit(root / layout.VERDICT, '"outcome": "PASS"', '"outcome": "FAIL"')


def tamper_with_the_verdict_and_its_hash(root: Path) -> None:
    import hashlib

    path = root / layout.VERDICT
    before = hashlib.md5(path.read_bytes()).hexdigest()
    size = path.stat().st_size
    tamper_with_the_verdict(root)
    lock = root / layout.DVC_LOCK
    edit(lock, before, hashlib.md5(path.read_bytes()).hexdigest())
    assert path.stat().st_size == size


def name_the_champion_s_bundle_for_another_parameter(root: Path) -> None:
    edit(root / layout.PARAMS, "folds: 4", "folds: 5")
    edit(root / layout.DVC_LOCK, "train.folds: 4", "train.folds: 5")


def change_a_parameter(root: Path) -> None:
    edit(root / layout.PARAMS, "folds: 4", "folds: 5")


def weaken_a_rule(root: Path) -> None:
    edit(root / layout.PARAMS, "min: 0.6\n", "min: 0.1\n")


def weaken_a_rule_and_the_lock(root: Path) -> None:
    weaken_a_rule(root)
    edit(root / layout.DVC_LOCK, "min: 0.6\n", "min: 0.1\n")


def add_a_model_test(root: Path) -> None:
    (root / "tests" / "model" / "test_more.py").write_text("def test_more(): ...\n")


def change_the_contract(root: Path) -> None:
    path = root / "data" / "contract.py"
    path.write_text(path.read_text() + "\n# looser\n")


def change_the_source(root: Path) -> None:
    path = root / "data" / "source.py"
    path.write_text(path.read_text() + "\n# other rows\n")


def run_another_command(root: Path) -> None:
    edit(root / layout.DVC_YAML, "cmd: assay stage select", "cmd: cp -r other models/bundle")
    edit(root / layout.DVC_LOCK, "cmd: assay stage select", "cmd: cp -r other models/bundle")


def declare_another_folder(root: Path) -> None:
    edit(root / layout.DVC_YAML, "path: models/bundle", "path: models/candidates/prior")


def leave_out_an_input(root: Path) -> None:
    edit(root / layout.DVC_YAML, "    deps:\n      - data/source.py\n", "")


def install_other_packages(root: Path) -> None:
    (root / "requirements").mkdir(exist_ok=True)
    (root / "requirements" / "run.txt").write_text("scikit-learn==1.0\n")


def link_the_verdict_elsewhere(root: Path) -> None:
    path = root / layout.VERDICT
    path.rename(root / "verdict.json")
    path.symlink_to("../../verdict.json")


@pytest.mark.parametrize(
    "change",
    [
        tamper_with_the_verdict,
        tamper_with_the_verdict_and_its_hash,
        name_the_champion_s_bundle_for_another_parameter,
        change_a_parameter,
        weaken_a_rule,
        weaken_a_rule_and_the_lock,
        add_a_model_test,
        change_the_contract,
        change_the_source,
        run_another_command,
        declare_another_folder,
        leave_out_an_input,
        install_other_packages,
        link_the_verdict_elsewhere,
    ],
)
def test_whatever_could_change_the_answer_is_judged(
    promoted: Path, runner: Callable[..., Path], call: Call, change: Callable[[Path], None]
):
    there = runner(promoted)
    assert unchanged.find(there, params.load(there)).unchanged is not None
    change(there)
    commit(there, call, "Trust me")
    found = unchanged.find(there, params.load(there))
    assert found.unchanged is None
    assert found.differs


def test_what_is_to_be_judged_is_said_with_what_differs(
    promoted: Path, runner: Callable[..., Path], call: Call
):
    there = runner(promoted)
    weaken_a_rule(there)
    commit(there, call, "Trust me")
    told = call(there, "assay", "gate", "unchanged")
    assert (
        "it is not that of a promoted version; compared with v0.1.0, these differ: policy" in told
    )
    assert "unchanged=false" in Path(os.environ["GITHUB_OUTPUT"]).read_text()
