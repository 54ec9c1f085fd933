"""`assay check --lock` on a clone that has no data and no cache, under real git and DVC."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.cli.__main__ import main
from assay.errors import LockStale, NotARepository, PipelineFileError, TrackedByGit
from assay.registry import dvc_lock as lock
from assay.registry import git

PIPELINE = """\
stages:
  raw:
    cmd: mkdir -p data/made && cp ${contract.file} data/made/one && cp source/card.md data/made/two
    deps: [source, "${contract.file}"]
    outs: [data/made]
  copy:
    foreach: ${train.candidates}
    do:
      cmd: mkdir -p models/copies/${key} && cp data/made/one models/copies/${key}
      deps: [data/made, code]
      params: [seed, "train.candidates.${key}"]
      outs: ["models/copies/${key}"]
  report:
    cmd: cp data/made/two report.txt && cat models/copies/*/one > whole
    deps: [data/made/two, models/copies]
    params: [gate]
    outs:
      - report.txt: {cache: false}
      - whole
  look:
    cmd: cat data/added > looked
    deps: [data/added, report.txt]
    always_changed: true
    outs: [looked]
"""


@pytest.fixture(scope="module")
def origin(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose dvc.lock is current, committed."""
    from tests.builders.git_project import Project

    root = tmp_path_factory.mktemp("lock") / "project"
    shutil.copytree(template, root, symlinks=True)
    project = Project(root)
    project.write("dvc.yaml", PIPELINE)
    project.write(
        "tests/model/test_model.py", "def test_it(): ...\n"
    )  # imports nothing of the project
    project.write("code/run.py", "1\n")
    project.write("data/added", "added\n")
    project.dvc("add", "--quiet", "data/added")
    (root / "dvc.lock").unlink()
    project.write(".gitignore", "/models\n/.assay\n/data/prepared\n")
    project.git("rm", "--quiet", "-r", "--cached", "--ignore-unmatch", "data/made", "report.txt")
    project.dvc("repro", "--quiet")
    project.commit("current")
    return root


@pytest.fixture
def clone(origin: Path, fresh: Callable[[str], Any]) -> Any:
    """What CI sees: the commit, and nothing that DVC keeps."""
    project = fresh("clone")
    project.git("clone", "--quiet", str(origin), ".")
    assert not (project.root / "data/made").exists()
    assert not (project.root / ".dvc/cache").exists()
    return project


def stale(project: Any) -> dict[str, str]:
    """Stage to what changed in it; the check must have left nothing behind."""
    before = project.git("status", "--porcelain")
    try:
        lock.run(project.root, project.params)
    except LockStale as error:
        told = [line.removeprefix("dvc.lock is not current: ") for line in error.lines()]
        return dict(line.split(": ", 1) for line in told)
    finally:
        assert project.git("status", "--porcelain") == before
    return {}


def edit(project: Any, path: str, old: str, new: str) -> None:
    text = (project.root / path).read_text()
    assert old in text
    project.write(path, text.replace(old, new, 1))


def test_right_after_a_run_it_is_current(clone: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answer = lock.run(clone.root, clone.params).lock
    assert answer.changes == {}
    # A file in an output, and a folder of outputs: dvc.lock holds no hash for them.
    assert answer.unseen == (("report", "data/made/two"), ("report", "models/copies"))
    assert main(["check", "--lock", "--root", str(clone.root)]) == 0
    shown = capsys.readouterr().out
    assert "dvc.lock is current: 4 stages" in shown
    assert "not compared, also where the data is here: data/made/two, models/copies; " in shown


def test_with_the_data_at_hand_it_says_the_same(origin: Path, clone: Any) -> None:
    here = lock.run(origin, clone.params)
    assert here == lock.run(clone.root, clone.params)


ROW = "class Row: pass\n"


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([("code/run.py", "1", "2")], {"copy@prior": "code changed"}),
        ([("code/more.py", "", "1")], {"copy@prior": "code changed"}),
        ([("data/contract.py", "", ROW)], {"raw": "data/contract.py changed"}),
        (
            [("params.yaml", "seed: 1", "seed: 2")],
            {"copy@prior": "params.yaml: seed was 1 and is 2"},
        ),
        (
            [("params.yaml", "candidates:\n", "candidates:\n    more: {class: a.B}\n")],
            {"copy@more": "it is not in dvc.lock"},
        ),
        ([("dvc.yaml", "cp data/made/two", "cp data/made/one")], {"report": "its command changed"}),
        (
            [("dvc.yaml", "deps: [data/made, code]", "deps: [data/made, code, params.yaml]")],
            {"copy@prior": "params.yaml is not in its entry"},
        ),
        (
            [("dvc.yaml", "outs: [looked]", "outs: [looked, more]")],
            {"look": "its output more is not in dvc.lock"},
        ),
        (
            [("data/added.dvc", "md5: ", "md5: f")],
            {"look": "data/added is not what data/added.dvc left"},
        ),
        ([("report.txt", "", "better")], {"report": "its output report.txt was changed"}),
        (
            [("dvc.lock", "", "schema: '2.0'\n")],
            dict.fromkeys(("raw", "copy@prior", "report", "look"), "it is not in dvc.lock"),
        ),
        (
            [("dvc.yaml", "  raw:\n", "  raw:\n    frozen: true\n"), ("data/contract.py", "", ROW)],
            {},
        ),
    ],
)
def test_what_changed_is_named(clone: Any, edits: list[Any], told: dict[str, str]) -> None:
    for path, old, new in edits:
        if old:
            edit(clone, path, old, new)
        else:
            clone.write(path, new)
    assert stale(clone) == told


def test_everything_that_is_gone(clone: Any) -> None:
    """Deleted and committed: neither dvc.yaml nor git asks for it any more."""
    clone.git("rm", "--quiet", "-r", "code")
    edit(clone, "dvc.yaml", "outs: [looked]", "outs: []")
    edit(clone, "dvc.yaml", 'deps: [source, "${contract.file}"]', "deps: [source]")
    edit(clone, "dvc.yaml", "    params: [gate]\n", "")
    edit(clone, "params.yaml", "    prior:", "    other:")
    clone.commit("less")
    assert stale(clone) == {
        "raw": "its input data/contract.py is in dvc.lock, and gone from dvc.yaml",
        "copy@other": "it is not in dvc.lock",
        "report": "its parameter params.yaml: gate is in dvc.lock, and gone from dvc.yaml",
        "look": "its output looked is in dvc.lock, and gone from dvc.yaml",
        "dvc.yaml": "no stage has data/contract.py among its deps, and the project's own code"
        " needs it. Add it there and run dvc repro.",
    }
    clone.git("revert", "--no-edit", "HEAD")
    clone.git("rm", "--quiet", "-r", "code", "report.txt")
    clone.commit("less")
    assert stale(clone) == {
        "copy@prior": "code is gone",
        "report": "its output report.txt is kept by neither git nor DVC",
    }


@pytest.mark.parametrize("text", ["", "stages: {}\n"])
def test_an_empty_dvc_yaml_is_not_current(clone: Any, text: str) -> None:
    clone.write("dvc.yaml", text)
    assert set(stale(clone)) == {"raw", "copy@prior", "report", "look", "dvc.yaml"}
    clone.write("dvc.lock", "schema: '2.0'\n")
    with pytest.raises(PipelineFileError, match=r"dvc\.yaml: there is no stage in it") as caught:
        lock.run(clone.root, clone.params)
    typed(clone, caught.value.line().partition("by mistake: ")[2])
    assert stale(clone) == {}


def test_an_emptied_dvc_yaml_is_restored_also_before_dvc_lock_was_committed(clone: Any) -> None:
    clone.git("rm", "--quiet", "dvc.lock")
    clone.git("commit", "--quiet", "--message", "Not yet")
    clone.write("dvc.yaml", "")
    clone.write("dvc.lock", "schema: '2.0'\n")
    with pytest.raises(PipelineFileError, match="there is no stage in it") as caught:
        lock.run(clone.root, clone.params)
    typed(clone, caught.value.line().partition("by mistake: ")[2])
    assert (clone.root / "dvc.yaml").read_text()


def test_the_project_s_own_code_that_no_stage_depends_on(clone: Any) -> None:
    clone.write("data/contract.py", "from data.helper import LIMIT\n")
    clone.write("data/helper.py", "LIMIT = 1\n")
    edit(clone, "params.yaml", "class: sklearn.dummy.DummyClassifier", "class: code.models.Own")
    clone.write("code/models.py", "import data.deep\n")
    clone.write("data/deep.py", "")
    with pytest.raises(LockStale) as caught:
        lock.run(clone.root, clone.params)
    told = [line for line in caught.value.lines() if line.startswith("dvc.yaml: ")]
    fix = "among its deps, and the project's own code needs it. Add it there and run dvc repro."
    assert told == [f"dvc.yaml: no stage has data/{name}.py {fix}" for name in ("deep", "helper")]


def test_what_must_never_be_in_git_is_said_first(clone: Any) -> None:
    clone.write("data/raw/day=1/part.csv", "rows\n")
    clone.write("store/runs/1.json", "{}\n")
    clone.write("whole", "rows\n")
    clone.git("add", "--force", "data/raw", "store", "whole")
    with pytest.raises(TrackedByGit, match="found data/raw, store, whole") as caught:
        lock.run(clone.root, clone.params)
    assert "git rm -r --cached --quiet data/raw store whole" in caught.value.line()
    clone.git("reset", "--quiet", "--hard")
    clone.git("update-index", "--skip-worktree", "params.yaml")
    clone.git("update-index", "--assume-unchanged", "params.yaml")
    with pytest.raises(LockStale, match=r"params\.yaml: git was told not to look") as caught:
        lock.run(clone.root, clone.params)
    typed(clone, caught.value.line().partition("Run ")[2].replace("FILE", "params.yaml"))
    assert git.assume_unchanged_files(clone.root) == ()


def test_a_link_to_the_project_is_the_project(clone: Any) -> None:
    link = clone.root.parent / "link"
    link.symlink_to(clone.root)
    clone.write("code/run.py", "2\n")
    with pytest.raises(LockStale, match="code changed"):
        lock.run(link, clone.params)


def typed(clone: Any, told: str) -> None:
    """Type what a message says to type."""
    subprocess.run(["bash", "-euc", told.removesuffix(".")], cwd=clone.root, check=True)


def test_an_item_that_left_its_template_is_no_change(clone: Any) -> None:
    lock = clone.root / "dvc.lock"
    tree = yaml.safe_load(lock.read_text(encoding="utf-8"))
    tree["stages"]["copy@more"] = tree["stages"]["copy@prior"]
    lock.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    assert stale(clone) == {}
    tree["stages"]["other@more"] = tree["stages"]["copy@prior"]
    lock.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    assert stale(clone) == {"other@more": "it is in dvc.lock, and gone from dvc.yaml"}


def test_what_an_earlier_stage_left_is_another_than_the_later_one_read(clone: Any) -> None:
    lines = (clone.root / "dvc.lock").read_text().splitlines()
    start = lines.index("  raw:")
    place = next(n for n, line in enumerate(lines) if n > start and "path: data/made" in line)
    changed = next(n for n in range(place, len(lines)) if "md5:" in lines[n])
    lines[changed] = f"      md5: {'0' * 32}.dir"
    clone.write("dvc.lock", "\n".join(lines) + "\n")
    assert stale(clone) == {"copy@prior": "data/made is not what raw left"}


def test_a_symbolic_link_where_evidence_is_read_is_named(
    clone: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = clone.root.parent / "report.txt"
    (clone.root / "report.txt").rename(kept)
    (clone.root / "report.txt").symlink_to(kept)
    (clone.root / "README.md").symlink_to(kept)  # no stage reads it
    clone.commit("linked")
    assert main(["check", "--lock", "--json", "--root", str(clone.root)]) == LockStale.exit_code
    told = capsys.readouterr()
    assert json.loads(told.out)["links"] == ["report.txt"]
    assert "report.txt: evidence has to lie in the commit" in told.err
    assert "README" not in told.err


@pytest.mark.parametrize("missing", ["dvc.yaml", "dvc.lock"])
def test_a_missing_file_is_an_error_of_its_own(clone: Any, missing: str) -> None:
    (clone.root / missing).unlink()
    with pytest.raises(PipelineFileError, match=f"{missing}: no such file"):
        lock.run(clone.root, clone.params)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("dvc.lock", "<<<<<<< ours\nschema: '2.0'\n"),
        ("dvc.lock", "schema: '9.0'\nstages: {}\n"),
        ("dvc.yaml", "stages: [\n"),
        ("dvc.yaml", "stages: {a: {cmd: echo, depz: [x]}}\n"),
        ("dvc.yaml", "stages: {a: {cmd: 'echo ${nothing.there}'}}\n"),
        ("data/added.dvc", "outs: [\n"),
    ],
)
def test_a_file_that_dvc_cannot_understand_is_an_error_in_one_line(
    clone: Any, path: str, text: str
) -> None:
    clone.write(path, text)
    with pytest.raises(PipelineFileError, match=r"cannot understand|not valid YAML") as caught:
        lock.run(clone.root, clone.params)
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("gone", [".git", ".dvc"])
def test_without_git_or_dvc_nothing_can_be_said(clone: Any, gone: str) -> None:
    shutil.rmtree(clone.root / gone)
    with pytest.raises(NotARepository):
        lock.run(clone.root, clone.params)


@pytest.mark.parametrize("folder", [".", "project"])
def test_dvc_gets_to_know_a_project_as_it_says(tmp_path: Path, folder: str) -> None:
    """Below the root of its repository too."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    root = tmp_path / folder
    root.mkdir(exist_ok=True)
    told = git.unknown_to_dvc(root).line().partition("Run ")[2].partition(" and ")[0]
    subprocess.run([sys.executable, "-m", *told.split()], cwd=root, check=True)
    assert (root / ".dvc" / "config").is_file()


def test_the_command(clone: Any, capsys: pytest.CaptureFixture[str]) -> None:
    root = ("--root", str(clone.root))
    assert main(["check", "--lock", "--json", *root]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "current": True,
        "stages": 4,
        "tracked": [],
        "flagged": [],
        "links": [],
        "uncovered": [],
        "foreign": [],
        "code": [],
        "changed": [],
        "unseen": [
            {"stage": "report", "path": "data/made/two"},
            {"stage": "report", "path": "models/copies"},
        ],
    }
    clone.write("code/run.py", "2\n")
    clone.write("data/contract.py", "class Row: pass\n")
    assert main(["check", "--lock", "--json", *root]) == LockStale.exit_code == 5
    told = capsys.readouterr()
    assert json.loads(told.out)["changed"] == [
        {"stage": "raw", "changes": ["data/contract.py changed"]},
        {"stage": "copy@prior", "changes": ["code changed"]},
    ]
    assert len(told.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("given", "files"),
    [
        ("incoming/cards-{night}.csv", ("incoming/cards-2024-03-01.csv", "incoming/cards-2.csv")),
        ("my rows", ("my rows/date=2024-03-01/1.parquet", "my rows/date=2024-03-02/1.parquet")),
    ],
)
def test_what_is_typed_takes_committed_nights_out_of_git(
    clone: Any, given: str, files: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    form = "{format: csv, path: 'PATH'}" if "{" in given else "'PATH'"
    edit(clone, "params.yaml", "input: data/raw", f"input: {form.replace('PATH', given)}")
    kept = str(Path(given).parent / "contract.py") if "{" in given else f"{given}/contract.py"
    for path in (*files, kept):
        clone.write(path, "rows\n")
    clone.git("add", "--all")
    assert main(["check", "--lock", "--root", str(clone.root)]) == TrackedByGit.exit_code
    (command,) = re.findall(r"git rm [^;]*", capsys.readouterr().err)
    subprocess.run(command, cwd=clone.root, shell=True, check=True)
    assert clone.git("ls-files", "--", str(Path(kept).parent)).splitlines() == [kept]
    assert main(["check", "--lock", "--root", str(clone.root)]) != TrackedByGit.exit_code
