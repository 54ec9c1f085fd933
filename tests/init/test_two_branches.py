"""Two branches that both trained: what `dvc repro` writes anew never makes their merge stop."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.project.params import yaml_text
from tests import projects


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("made")
    rows = [f"{at},{at % 7},{(at * 7) % 3 == 0}" for at in range(600)]
    (tmp_path / "people.csv").write_text("\n".join(["id,x,y", *rows]), encoding="utf-8")
    root = tmp_path / "project"
    assert main(["init", str(root), "--data", str(tmp_path / "people.csv"), "--target", "y"]) == 0
    trained(root, "at the start")
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "project", symlinks=True)


def results(root: Path) -> list[str]:
    """dvc.lock, and all that a stage writes and git keeps."""
    stages: dict[str, Any] = yaml_text.load((root / "dvc.yaml").read_text(encoding="utf-8"))
    kept = []
    for stage in stages["stages"].values():  # train makes nothing that git keeps
        for out in [*stage.get("outs", ()), *stage.get("metrics", ())]:
            if not isinstance(out, str):
                kept += [path for path, how in out.items() if how == {"cache": False}]
    assert len(kept) > 8
    return ["dvc.lock", *kept]


def trained(root: Path, what: str, edit: tuple[str, str] = ("", "")) -> None:
    """A commit as a person makes it who edited params.yaml and ran dvc repro."""
    params = (root / "params.yaml").read_text(encoding="utf-8")
    assert edit[0] in params
    (root / "params.yaml").write_text(params.replace(*edit), encoding="utf-8")
    for path in results(root):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"made {what}\n", encoding="utf-8")
    projects.call(root, "git", "add", "--all")
    projects.call(root, "git", "commit", "--quiet", "--message", f"Train {what}")


def two_branches(root: Path) -> None:
    """One was merged into main; the other is checked out, and knows nothing of it."""
    projects.call(root, "git", "checkout", "--quiet", "-b", "other")
    projects.call(root, "git", "checkout", "--quiet", "main")
    trained(root, "with more trees", ("max_iter: 150", "max_iter: 200"))
    projects.call(root, "git", "checkout", "--quiet", "other")
    trained(root, "with another seed", ("seed: 1 ", "seed: 2 "))


def test_the_second_branch_takes_main_in_without_a_conflict(project: Path) -> None:
    two_branches(project)
    projects.call(project, "git", "merge", "--quiet", "main", "--message", "Take main in")
    merged = (project / "params.yaml").read_text(encoding="utf-8")
    assert "max_iter: 200" in merged and "seed: 2 " in merged
    # Its own, until dvc repro writes them for what both changed.
    kept = {(project / path).read_text(encoding="utf-8") for path in results(project)}
    assert kept == {"made with another seed\n"}


def test_what_a_person_wrote_still_conflicts(project: Path) -> None:
    two_branches(project)
    trained(project, "with fewer trees", ("max_iter: 150", "max_iter: 100"))
    projects.call(project, "git", "merge", "--quiet", "main", code=1)
    torn = projects.call(project, "git", "diff", "--name-only", "--diff-filter=U").split()
    assert torn == ["params.yaml"]


def test_in_a_colleague_s_clone_make_setup_is_enough(project: Path, tmp_path: Path) -> None:
    two_branches(project)
    clone = tmp_path / "clone"
    projects.call(tmp_path, "git", "clone", "--quiet", "--branch", "other", str(project), "clone")
    projects.call(clone, "git", "merge", "--quiet", "origin/main", code=1)
    projects.call(clone, "git", "merge", "--abort")
    projects.call(clone, "make", "--assume-old=.venv/stamps/assay", "setup")
    projects.call(clone, "git", "merge", "--quiet", "origin/main", "--message", "Take main in")
    assert projects.call(clone, "git", "status", "--porcelain") == ""


def test_outside_of_git_make_setup_does_without(project: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    (unpacked / "Makefile").write_bytes((project / "Makefile").read_bytes())
    projects.call(unpacked, "make", "--assume-old=.venv/stamps/assay", "setup")
