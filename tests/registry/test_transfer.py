"""Results go to the remote and come back; without a remote that is said, and nothing fails.

The commands run as processes of their own: DVC's log may hold a stream that a test has closed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import BundleMissing, RemoteFailed, StoreError
from assay.project import layout
from assay.registry import remotes


def remote(project: Any, what: str, *options: str, code: int = 0) -> str:
    """What ``assay remote`` printed, its errors included."""
    command = [sys.executable, "-m", "assay.cli.__main__", "remote", what, *options]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_without_a_remote_it_says_what_follows_and_ends_well(project: Any) -> None:
    for what in ("pull", "push"):
        told = remote(project, what)
        assert f"nothing was {what}ed" in told and "dvc remote add --default" in told


def test_what_was_pushed_is_pulled_and_what_nobody_pushed_is_no_error(
    project: Any, tmp_path: Path
) -> None:
    project.dvc("remote", "add", "--quiet", "--default", "shelf", str(tmp_path / "shelf"))
    shutil.move(project.root / ".dvc" / "cache", tmp_path / "cache")
    shutil.rmtree(project.root / layout.BUNDLE)
    assert "remote: 0 files pulled (shelf)" in remote(project, "pull")

    shutil.move(tmp_path / "cache", project.root / ".dvc" / "cache")
    assert "files pushed (shelf)" in remote(project, "push")
    shutil.rmtree(project.root / ".dvc" / "cache")
    assert re.search(r"remote: \d+ files? pulled \(shelf\)", remote(project, "pull"))
    assert (project.root / layout.BUNDLE / "manifest.json").is_file()
    assert "remote: 0 files pulled (shelf)" in remote(project, "pull")


def test_what_no_stage_makes_can_be_pulled_alone(project: Any, tmp_path: Path) -> None:
    project.dvc("remote", "add", "--quiet", "--default", "shelf", str(tmp_path / "shelf"))
    assert "0 files pulled" in remote(project, "pull", "--sources")
    table = project.root / "table.csv"
    table.write_text("a\n1\n", encoding="utf-8")
    project.dvc("add", "--quiet", "table.csv")
    remote(project, "push")
    for each in (project.root / ".dvc" / "cache", project.root / layout.BUNDLE):
        shutil.rmtree(each)
    table.unlink()
    assert "remote: 1 file pulled (shelf)" in remote(project, "pull", "--sources")
    assert table.read_text(encoding="utf-8") == "a\n1\n"
    assert not (project.root / layout.BUNDLE).exists()


def test_a_remote_that_does_not_answer_is_one_line(project: Any) -> None:
    project.dvc("remote", "add", "--quiet", "--default", "gone", "http://127.0.0.1:1/x")
    shutil.rmtree(project.root / ".dvc" / "cache")
    told = remote(project, "pull", code=RemoteFailed.exit_code)
    assert told.splitlines()[-1].startswith(
        "assay: http://127.0.0.1:1/x: the remote does not answer"
    )
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("address", "far"),
    [
        ("store", False),
        ("/mnt/store", False),
        ("file:///mnt/store", False),
        ("file://host/store", False),
        ("s3://bucket/store", True),
        ("gs://bucket", True),
        ("abfss://box@account.dfs.core.windows.net/store", True),
        ("ssh://host/path", True),
        ("s3://", False),
    ],
)
def test_an_address_leads_to_another_machine_or_not(address: str, far: bool) -> None:
    assert remotes.elsewhere(address) is far


def test_what_a_runner_would_lose_is_named(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(project.root)
    assert main(["check", "--bucket", "--root", root]) == StoreError.exit_code
    assert "params.yaml: store: it is a folder of this machine" in capsys.readouterr().err

    params = project.root / "params.yaml"
    params.write_text(params.read_text() + "store: s3://bucket/store\n")
    assert main(["check", "--bucket", "--root", root]) == BundleMissing.exit_code
    assert "dvc remote add --default NAME URL" in capsys.readouterr().err

    project.dvc("remote", "add", "--quiet", "--default", "far", "ssh://host/path")
    assert main(["check", "--bucket", "--root", root]) == 0
    assert "ssh://host/path" in capsys.readouterr().out
