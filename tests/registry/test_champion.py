"""The champion stage under real git and DVC: found, none, unreadable; the same bytes each time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import DataError, NotARepository, StageInputMissing
from assay.model import bundle_files
from assay.project import layout
from assay.promotion.promote import promote
from assay.registry import champion
from assay.registry.fetch import BUNDLES
from assay.reports.champion import StageHolder

ROOT = Path(__file__).resolve().parents[2]


def look(project: Any) -> StageHolder:
    """Run the stage; the file must say what the function returned."""
    found = champion.run(project.root, project.params)
    assert StageHolder.read(project.root) == found
    assert (project.root / layout.CHAMPION_BUNDLE).exists() == (found.state == "found")
    return found


def up(project: Any, **options: Any) -> Any:
    return promote(project.root, project.params, because="it ranks", **options).version


def forget_bundles(project: Any) -> None:
    for kept in (".dvc/cache", BUNDLES):
        shutil.rmtree(project.root / kept, ignore_errors=True)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_before_the_first_promotion_there_is_none(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = look(project)
    assert (found.state, found.version, found.bundle) == ("none", None, None)
    assert found.why is not None
    assert "no version of late-flights holds the stage prod" in found.why
    assert main(["stage", "champion", "--root", str(project.root)]) == 0
    assert capsys.readouterr().out.startswith("state  none\n")


def test_the_holder_is_copied_whole_whatever_lies_in_the_work_tree(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = up(project)
    project.train("two")
    found = champion.run(project.root, project.params)
    assert main(["stage", "champion", "--json", "--root", str(project.root)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "state": "found",
        "stage": "prod",
        "version": "v0.1.0",
        "commit": made.commit,
        "bundle": made.bundle,
        "why": None,
    }
    assert found == look(project)
    assert bundle_files.verified_digest(project.root / layout.CHAMPION_BUNDLE) == made.bundle
    assert bundle_files.verified_digest(project.root / layout.BUNDLE) != made.bundle


def test_the_same_tags_give_the_same_bytes(project: Any) -> None:
    up(project)
    look(project)
    first = bytes_of(project.root / layout.CHAMPION)
    shutil.rmtree(project.root / BUNDLES)
    look(project)
    assert bytes_of(project.root / layout.CHAMPION) == first
    # champion.json, manifest.json, the two files of the bundle, params.yaml and the contract.
    assert len(first) == 6


def test_its_contract_is_that_of_its_commit(project: Any) -> None:
    made = up(project)
    file = project.params.contract.file
    then = (project.root / file).read_text()
    project.write(file, f"{then}\n# stricter since\n")
    look(project)
    kept = project.root / layout.CHAMPION_CONTRACT
    assert (kept / file).read_text() == then
    committed = project.git("show", f"{made.commit}:params.yaml")
    assert (kept / layout.PARAMS).read_text().rstrip("\n") == committed.rstrip("\n")


def test_another_stage_of_params_yaml_has_another_holder(project: Any) -> None:
    up(project)
    text = (project.root / "params.yaml").read_text()
    project.write("params.yaml", text + "registry: {stage: shadow}\n")
    assert look(project).state == "none"


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_bundle_that_cannot_be_had_is_unreadable_and_leaves_no_old_copy(
    project: Any, damage: str
) -> None:
    made = up(project)
    assert look(project).state == "found"
    shutil.rmtree(project.root / BUNDLES)
    if damage == "gone":
        forget_bundles(project)
    else:
        for path in (project.root / ".dvc/cache/files").rglob("*"):
            if path.is_file() and path.read_text() == "model one":
                path.chmod(0o644)
                path.write_text("model onf")
    found = look(project)
    assert (found.state, found.version, found.bundle) == ("unreadable", "v0.1.0", made.bundle)
    assert found.why
    assert "\n" not in found.why


def test_a_holder_without_a_digest_is_unreadable(project: Any) -> None:
    import gto.api

    gto.api.register(str(project.root), "late-flights", "HEAD", version="v3.0.0")
    gto.api.assign(str(project.root), "late-flights", "prod", version="v3.0.0")
    found = look(project)
    assert (found.state, found.version, found.bundle) == ("unreadable", "v3.0.0", None)
    assert "do not say which bundle" in str(found.why)


def test_a_commit_that_is_no_version_is_unreadable(project: Any) -> None:
    head = project.git("rev-parse", "HEAD")
    project.git("tag", "--annotate", "--message", "by hand", "late-flights#prod#1", head)
    found = look(project)
    assert (found.state, found.version, found.commit) == ("unreadable", None, head)


def test_a_shallow_clone_without_tags_proves_nothing(project: Any, tmp_path: Path) -> None:
    project.write("more.txt", "more\n")
    project.commit()
    up(project)
    source = f"file://{project.root}"
    project.git("clone", "--quiet", "--depth=1", "--no-tags", source, str(tmp_path / "clone"))
    found, folder = champion.find(tmp_path / "clone", project.params)
    assert (found.state, folder) == ("unreadable", None)
    assert "git fetch --unshallow --tags" in str(found.why)
    subprocess.run(["git", "remote", "remove", "origin"], cwd=tmp_path / "clone", check=True)
    assert champion.find(tmp_path / "clone", project.params)[0].state == "none"


def test_without_git_it_is_an_error(project: Any) -> None:
    shutil.rmtree(project.root / ".git")
    with pytest.raises(NotARepository):
        champion.run(project.root, project.params)
    assert not (project.root / layout.CHAMPION).exists()


def test_dvc_runs_it_each_time_and_nothing_after_it(project: Any) -> None:
    text = (project.root / "dvc.yaml").read_text()
    stages = (
        "stages:\n  champion:\n    cmd: assay stage champion\n    always_changed: true\n"
        "    params: [name, {reports/code.json: [champion]}]\n    outs: [models/champion]\n"
        "  after:\n    cmd: cp models/champion/champion.json after.json\n"
        "    deps: [models/champion]\n    outs: [after.json]\n"
    )
    project.write("dvc.yaml", text.replace("stages:\n", stages))

    def repro() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=project.root,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    assert "Running stage 'after'" in repro()
    lock = (project.root / "dvc.lock").read_bytes()
    again = repro()
    assert "Running stage 'champion'" in again
    assert "Running stage 'after'" not in again
    assert (project.root / "dvc.lock").read_bytes() == lock
    project.commit("champion")
    up(project)
    assert "Running stage 'after'" in repro()
    assert json.loads((project.root / "after.json").read_text())["state"] == "found"


def test_before_the_stage_ran_readers_are_told_to_run_it(tmp_path: Path) -> None:
    with pytest.raises(StageInputMissing, match="champion has not run"):
        StageHolder.read(tmp_path)


FOUND: dict[str, Any] = StageHolder(
    state="found", stage="prod", version="v0.1.0", commit="1" * 40, bundle="sha256:0"
).tree()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": 2}, "schema is 2"),
        ({"state": "fine"}, "state is 'fine'"),
        ({"bundle": None}, "do not all stand there"),
        ({"why": "it is not"}, "state is 'found', but why stands there"),
        ({"state": "unreadable"}, "why is missing"),
        ({"state": "none", "why": "nobody"}, "version stands there"),
        ({"stage": 3}, "stage is 3, not a text"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(change: dict[str, Any], complaint: str) -> None:
    assert StageHolder.parse(json.dumps(FOUND), "champion.json").state == "found"
    with pytest.raises(DataError, match=complaint):
        StageHolder.parse(json.dumps({**FOUND, **change}), "champion.json")
