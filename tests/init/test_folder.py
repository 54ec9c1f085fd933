"""What is in the folder already stays, and a project is written whole or not at all."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import INTERRUPTED, NotARepository, UsageError
from assay.init import command


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    rows = [f"{at},{at % 7},{(at * 7) % 3 == 0}" for at in range(600)]
    path.write_text("\n".join(["id,x,y", *rows]), encoding="utf-8")
    return path


def init(project: Path, table: Path) -> int:
    return main(["init", str(project), "--data", str(table), "--target", "y"])


def contents(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_a_repository_with_a_readme_and_ignore_files_keeps_them(
    tmp_path: Path, table: Path
) -> None:
    project = tmp_path / "p"
    project.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    (project / "README.md").write_text("# mine\n", encoding="utf-8")
    (project / ".gitignore").write_text(".env\n/store/\n", encoding="utf-8")
    (project / ".env").write_text("secret", encoding="utf-8")
    assert init(project, table) == 0
    assert (project / "README.md").read_text(encoding="utf-8") == "# mine\n"
    assert "## The first night" in (project / "ASSAY.md").read_text(encoding="utf-8")
    ignored = (project / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ignored[:2] == [".env", "/store/"] and "/data/raw/" in ignored
    assert ignored.count("/store/") == 1
    subprocess.run(["git", "add", "--all"], cwd=project, check=True)
    staged = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True)
    assert ".env" not in staged.stdout.splitlines() and "dvc.yaml" in staged.stdout.splitlines()


@pytest.mark.parametrize(
    "name",
    ["Makefile", "tests/model/test_model.py", ".github/workflows/gate.yml", "data/people.csv"],
)
def test_another_file_of_a_name_that_is_needed_is_refused(
    tmp_path: Path, table: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "p"
    (project / name).parent.mkdir(parents=True)
    (project / name).write_text("mine", encoding="utf-8")
    before = contents(project)
    assert init(project, table) == UsageError.exit_code
    said = capsys.readouterr().err
    assert f"nothing is overwritten (found {name})" in said
    assert contents(project) == before


@pytest.mark.parametrize("place", ["data/raw", "models", "store/old"])
def test_a_table_where_stages_write_is_refused(
    tmp_path: Path, table: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = tmp_path / "p" / place / "people.csv"
    inside.parent.mkdir(parents=True)
    table.replace(inside)
    assert init(tmp_path / "p", inside) == UsageError.exit_code
    assert f"the table lies in {place.split('/old')[0]}/" in capsys.readouterr().err
    assert contents(tmp_path / "p") == {f"{place}/people.csv": inside.read_bytes()}


@pytest.mark.parametrize(
    ("there", "at", "error"),
    [
        (False, "git init", KeyboardInterrupt()),
        (False, "dvc add", NotARepository("no")),
        (True, "dvc init", NotARepository("no")),
        (True, "dvc add", KeyboardInterrupt()),
    ],
)
def test_what_ends_in_the_middle_leaves_nothing_behind(
    tmp_path: Path,
    table: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    at: str,
    error: BaseException,
) -> None:
    project = tmp_path / "p"
    if there:
        project.mkdir()
        subprocess.run(["git", "init", "-q"], cwd=project, check=True)
        (project / ".gitignore").write_text(".env\n", encoding="utf-8")
    before = contents(project)
    real = command._call

    def ends(where: Path, *called: Any) -> None:
        real(where, *called)
        if at in " ".join(called).replace(" --quiet", ""):
            raise error

    monkeypatch.setattr(command, "_call", ends)
    assert init(project, table) in (INTERRUPTED, NotARepository.exit_code)
    assert contents(project) == before and project.exists() == there
    monkeypatch.setattr(command, "_call", real)
    assert init(project, table) == 0
    if there:
        staged = subprocess.run(["git", "status", "--short"], cwd=project, capture_output=True)
        assert b" D" not in staged.stdout


def test_a_program_that_fails_without_a_word_is_named(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_DVC", ("false",))
    assert init(tmp_path / "p", table) == NotARepository.exit_code
    assert "false init --quiet failed, so nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_without_git_the_project_is_written(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert init(tmp_path / "p", table) == NotARepository.exit_code
    assert "git is not installed, so the project is written" in capsys.readouterr().err
    assert (tmp_path / "p" / "dvc.yaml").is_file()


def test_a_table_that_git_keeps_is_told_and_how_to_fix_it(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "p"
    (project / "data").mkdir(parents=True)
    inside = table.rename(project / "data" / table.name)
    for typed in (["init", "-q"], ["add", "data"], ["commit", "-qm", "the table"]):
        subprocess.run(["git", *typed], cwd=project, check=True)
    assert init(project, inside) == NotARepository.exit_code
    (fix,) = re.findall(r"git rm .*(?=, then again)", capsys.readouterr().err)
    subprocess.run(fix, cwd=project, check=True, shell=True)
    assert init(project, inside) == 0


def test_a_second_interrupt_does_not_keep_half_of_a_project(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, call = command._restore, command._call

    def twice(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        real(*given)

    def interrupted(*_: Any) -> None:
        monkeypatch.setattr(command, "_call", call)
        raise KeyboardInterrupt

    project = tmp_path / "p"
    project.mkdir()
    monkeypatch.setattr(command, "_restore", twice)
    monkeypatch.setattr(command, "_call", interrupted)
    assert init(project, table) == INTERRUPTED
    assert contents(project) == {}
