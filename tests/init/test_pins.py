"""A project of the built wheel installs what Assay was tested with, each file by its hash."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import projects
from tests.projects import ROOT
from tests.workflows import wheel

LISTS = ("build", "run", "s3", "gs", "azure", "ssh")
OLD = "numpy==1.26.0"


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands that the wheel of this tree brings."""
    return wheel.moved(projects.made_once(wheel.NAME, wheel.install, tmp_path_factory))


@pytest.fixture(scope="module")
def written(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel's `assay init` writes, committed."""
    folder = tmp_path_factory.mktemp("written")
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=200), "late": rng.choice(["yes", "no"], 200)})
    frame.to_csv(folder / "rows.csv", index=False)
    words = ("project", "--data", "rows.csv", "--target", "late")
    projects.call(folder, "assay", "init", *words, tools=tools)
    commit(folder / "project")
    return folder / "project"


@pytest.fixture
def project(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, from which pip reaches no index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    return shutil.copytree(written, tmp_path / "project", symlinks=True)


def commit(root: Path) -> None:
    projects.call(root, "git", "add", "--all")
    projects.call(root, "git", "commit", "--quiet", "--message", "Now")


def make(root: Path, tools: Path, *words: str, code: int = 0) -> str:
    python = tools.parents[1] / "python" / "python3"
    return projects.call(root, "make", f"PYTHON={python}", *words, code=code, tools=tools)


def pinned(root: Path, name: str) -> str:
    return (root / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def test_a_project_has_the_lists_that_assay_was_tested_with(project: Path) -> None:
    for name in LISTS:
        assert pinned(project, name) == pinned(ROOT, name)
    assert pinned(project, "assay") == f"assay=={version('assay')}\n"


def test_setup_installs_the_lists_by_hash_and_then_assay(project: Path, tools: Path) -> None:
    make(project, tools, "setup", "EXTRAS=s3")
    done = {path.name for path in (project / ".venv" / "stamps").iterdir()}
    assert done >= {"build", "run", "s3", "assay"}
    # Once is enough, and the remote's client is asked for once.
    assert "pip install" not in make(project, tools, "--dry-run", "setup")
    assert "No rule to make target" in make(project, tools, "setup", "EXTRAS=ftp", code=2)


@pytest.mark.parametrize(
    ("behind", "expected"),
    [("", "Hashes are required"), (f" --hash=sha256:{'0' * 64}", "DO NOT MATCH THE HASHES")],
)
def test_a_file_without_its_hash_is_not_installed(
    project: Path, tools: Path, behind: str, expected: str
) -> None:
    facts = "toy-1.dist-info"
    with zipfile.ZipFile(project / "toy-1-py3-none-any.whl", "w") as made:
        made.writestr(f"{facts}/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
        made.writestr(f"{facts}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        made.writestr(f"{facts}/RECORD", "")
    text = f"--find-links ..\ntoy==1{behind}\n"
    (project / "requirements" / "s3.txt").write_text(text, encoding="utf-8")
    assert expected in make(project, tools, "setup", "EXTRAS=s3", code=2)


def test_assays_wheel_is_installed_from_the_project_alone(
    project: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (built,) = tools.parents[1].glob("assay-*.whl")
    shutil.copy(built, project / "requirements")
    for name in LISTS:
        (project / "requirements" / f"{name}.txt").write_text("# nothing\n", encoding="utf-8")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    asked = projects.call(project, "make", f"PYTHON={sys.executable}", "setup", tools=tools)
    assert "Retrying" not in asked
    assert list(project.glob(".venv/lib/python*/site-packages/assay/init/requirements/run.txt"))


def test_own_packages_are_installed_too_and_change_no_pin(project: Path, tools: Path) -> None:
    own = project / "requirements" / "own.txt"
    own.write_text("hypothesis\n", encoding="utf-8")
    make(project, tools, "setup")
    own.write_text("numpy<2\n", encoding="utf-8")
    refused = make(project, tools, "setup", code=2)
    assert "numpy<2 because these package versions have conflicting" in refused
    assert "requirements/own.txt asks for what is not to be had with the versions in" in refused


def test_one_command_renews_the_lists_and_says_what_changed(project: Path, tools: Path) -> None:
    path = project / "requirements" / "run.txt"
    today = path.read_text(encoding="utf-8")
    (pin,) = re.findall(r"^numpy==\S+", today, re.MULTILINE)
    path.write_text(today.replace(pin, OLD, 1), encoding="utf-8")
    (project / "Makefile").write_text(
        (project / "Makefile").read_text(encoding="utf-8") + "\n# ours\n", encoding="utf-8"
    )
    commit(project)
    told = make(project, tools, "pins").splitlines()
    assert f"-{OLD}" in told and f"+{pin}" in told
    assert not [line for line in told if "sha256" in line]
    assert "  make setup" in told
    assert path.read_text(encoding="utf-8") == today
    assert (project / "Makefile").read_text(encoding="utf-8").endswith("# ours\n")
    commit(project)
    assert "written" not in make(project, tools, "pins")


def test_what_a_person_wrote_in_the_lists_is_not_lost(project: Path, tools: Path) -> None:
    own = project / "requirements" / "assay.txt"
    hashed = f"assay=={version('assay')} --hash=sha256:{'0' * 64}\n"
    own.write_text(hashed, encoding="utf-8")
    (project / "requirements" / "s3.txt").write_text("boto3\n", encoding="utf-8")
    refused = projects.call(project, "assay", "init", "--pins", code=2, tools=tools)
    assert "requirements/s3.txt" in refused
    commit(project)
    made = json.loads(projects.call(project, "assay", "init", "--pins", "--json", tools=tools))
    assert [*made["files"]] == ["requirements/s3.txt"]
    assert own.read_text(encoding="utf-8") == hashed
    assert "no project" in projects.call(own.parent, "assay", "init", "--pins", code=2, tools=tools)
