"""Results go to the remote and come back; without a remote that is said, and nothing fails."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import BundleMissing
from assay.project import layout


def test_without_a_remote_it_says_what_follows_and_ends_well(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for what in ("pull", "push"):
        assert main(["remote", what, "--root", str(project.root)]) == 0
        told = capsys.readouterr().out
        assert f"nothing was {what}ed" in told and "dvc remote add --default" in told


def test_what_was_pushed_is_pulled_and_what_nobody_pushed_is_no_error(
    project: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(project.root)
    project.dvc("remote", "add", "--quiet", "--default", "shelf", str(tmp_path / "shelf"))
    shutil.move(project.root / ".dvc" / "cache", tmp_path / "cache")
    shutil.rmtree(project.root / layout.BUNDLE)
    assert main(["remote", "pull", "--root", root]) == 0
    assert "remote: nothing to be pulled (shelf)" in capsys.readouterr().out

    shutil.move(tmp_path / "cache", project.root / ".dvc" / "cache")
    assert main(["remote", "push", "--root", root]) == 0
    assert "files pushed (shelf)" in capsys.readouterr().out
    shutil.rmtree(project.root / ".dvc" / "cache")
    assert main(["remote", "pull", "--root", root]) == 0
    assert (project.root / layout.BUNDLE / "manifest.json").is_file()


def test_a_remote_that_does_not_answer_is_one_line(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.dvc("remote", "add", "--quiet", "--default", "gone", "http://127.0.0.1:1/x")
    shutil.rmtree(project.root / ".dvc" / "cache")
    assert main(["remote", "pull", "--root", str(project.root)]) == BundleMissing.exit_code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "the DVC remote did not answer as it should" in line
