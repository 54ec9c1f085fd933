"""`assay init --upgrade`: what Assay owns is brought up to date, what a person wrote stays."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.errors import PipelineFileError, UsageError
from assay.init import upgrade
from assay.init.command import workflows
from assay.init.render import render
from assay.project import params
from assay.project.params import yaml_text
from tests import projects
from tests.init.test_render import planned

NOW = version("assay")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=200), "late": rng.choice(["yes", "no"], 200)})
    root = tmp_path / "project"
    for path, text in {**render(planned(frame, tmp_path, "late")), **workflows()}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    projects.call(root, "git", "init", "--quiet")
    commit(root)
    return root


def commit(root: Path) -> None:
    projects.call(root, "git", "add", "--all")
    projects.call(root, "git", "commit", "--quiet", "--message", "Now")


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    assert old in text
    (root / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_new_project_is_up_to_date(project: Path) -> None:
    assert params.load(project).assay == NOW
    assert upgrade.look(project).changes == ()


OWN_STAGE = """
  # Ours: what sales wants to see.
  chart:
    cmd: python chart.py
    deps: [reports/gate/verdict.json]
"""


def test_what_is_old_is_replaced_and_what_is_a_persons_own_is_kept(project: Path) -> None:
    edit(project, "params.yaml", f'assay: "{NOW}"', 'assay: "0.0.1"')
    edit(project, "dvc.yaml", "    cmd: assay leakage\n", "    cmd: assay leaks\n")
    edit(project, "dvc.yaml", "        - data/prepared/train.parquet\n",
         "        - data/prepared/train.parquet\n        - data/models.py\n")  # fmt: skip
    edit(project, "dvc.yaml", "\nplots:\n", f"{OWN_STAGE}\n# Plots of ours\nplots:\n  - a.csv:\n")
    edit(project, "Makefile", "dvc repro", "dvc repo")
    edit(project, ".gitignore", "/models/\n", "/notes/\n")
    lock = (project / "requirements/run.txt").read_text(encoding="utf-8")
    by_name = "--find-links .\nassay[all]==0.0.1\nxgboost==3.0\n"
    (project / "requirements/run.txt").write_text(by_name, encoding="utf-8")
    edit(project, ".github/workflows/gate.yml", "jobs:", "jobs: # old")
    (project / ".github/workflows/nightly.yml").unlink()
    commit(project)
    contract = (project / "data/contract.py").read_bytes()

    found = upgrade.look(project)
    assert found.written_by == "0.0.1" and not found.written
    assert [each.path for each in found.changes] == [
        "params.yaml", "dvc.yaml", "Makefile", ".gitignore", "requirements/run.txt",
        "requirements/own.txt", ".github/workflows/gate.yml", ".github/workflows/nightly.yml",
    ]  # fmt: skip
    assert "-    cmd: assay leaks" in found.changes[1].diff()
    upgrade.write(found)

    text = (project / "dvc.yaml").read_text(encoding="utf-8")
    tree = yaml_text.load(text)
    assert tree["stages"]["leakage"]["cmd"] == "assay leakage"
    assert tree["stages"]["train"]["do"]["deps"][-1] == "data/models.py"
    assert tree["stages"]["chart"]["cmd"] == "python chart.py"
    assert "# Ours: what sales wants to see.\n  chart:" in text
    assert tree["plots"][0] == {"a.csv": None} and "# Plots of ours\nplots:" in text
    ignored = (project / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/notes/" in ignored and "/models/" in ignored
    # Packages by name alone were the person's; all others have hashes now.
    assert (project / "requirements/own.txt").read_text(encoding="utf-8") == "xgboost==3.0\n"
    assert (project / "requirements/run.txt").read_text(encoding="utf-8") == lock
    assert params.load(project).assay == NOW
    assert (project / "data/contract.py").read_bytes() == contract
    # Once is enough.
    assert upgrade.look(project).changes == ()


def test_a_hash_behind_assay_stays_until_there_is_another_assay(project: Path) -> None:
    edit(project, "requirements/assay.txt", NOW, f"{NOW} --hash=sha256:{'0' * 64}")
    assert upgrade.look(project).changes == ()
    edit(project, "requirements/assay.txt", NOW, "0.0.1")
    (change,) = upgrade.look(project, ["requirements"]).changes
    assert change.after == f"assay=={NOW}\n"
    with pytest.raises(UsageError, match="does not own") as caught:
        upgrade.look(project, ["requirements/assay.txt"])  # without run.txt, which goes with it
    assert caught.value.line().count("requirements") == 3


def test_a_project_without_a_version_gets_one_at_the_top(project: Path) -> None:
    edit(project, "params.yaml", f'assay: "{NOW}" #', "#")
    (change,) = upgrade.look(project).changes
    assert change.path == "params.yaml" and change.taken_away == 0
    assert params.parse(change.after, "params.yaml").assay == NOW


def test_changes_that_are_not_committed_are_not_mixed_up(project: Path) -> None:
    edit(project, "Makefile", "dvc repro", "dvc repo")
    with pytest.raises(UsageError, match="not committed") as caught:
        upgrade.write(upgrade.look(project))
    assert "Makefile" in caught.value.line()
    assert "dvc repo" in (project / "Makefile").read_text(encoding="utf-8")


def test_a_project_that_is_not_on_github_gets_no_workflows(project: Path) -> None:
    for path in workflows():
        (project / path).unlink()
    assert upgrade.look(project).changes == ()


def test_what_cannot_be_upgraded_is_one_line(project: Path) -> None:
    with pytest.raises(UsageError, match="does not own"):
        upgrade.look(project, ["data/contract.py"])
    edit(project, "params.yaml", f'assay: "{NOW}"', 'assay: "99.1"')
    with pytest.raises(UsageError, match="a newer Assay"):
        upgrade.look(project)
    edit(project, "params.yaml", 'assay: "99.1"', "assay: soon")
    with pytest.raises(UsageError, match="is no version"):
        upgrade.look(project)
    edit(project, "params.yaml", "assay: soon", f'assay: "{NOW}"')
    (project / "dvc.yaml").write_text("stages: [", encoding="utf-8")
    with pytest.raises(PipelineFileError, match="is no YAML"):
        upgrade.look(project)


def test_the_command_shows_a_diff_first(project: Path) -> None:
    edit(project, "Makefile", "dvc repro", "dvc repo")
    edit(project, ".dvcignore", "/.venv/\n", "")
    commit(project)
    told = projects.call(project, "assay", "init", "--upgrade")
    assert "-       @PATH" in told and "Nothing is written yet: add --yes" in told
    projects.call(project, "assay", "init", "--upgrade", "--yes", "--only", ".dvcignore")
    left = json.loads(projects.call(project, "assay", "init", "--upgrade", "--json"))
    assert [each["path"] for each in left["files"]] == ["Makefile"] and not left["written"]
    assert "belongs to --upgrade" in projects.call(project, "assay", "init", "--yes", code=2)
