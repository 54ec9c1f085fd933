"""The small project that tests, chaos and benchmarks work on, made by its users' commands."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from scripts.suite import SHARED

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[1]
PARCELS = ROOT / "tests" / "parcels"
PERSON = {"NAME": "Assay Test", "EMAIL": "test@assay.invalid"}


def call(root: Path, *command: str, code: int = 0, tools: Path | None = None) -> str:
    """Run a command as a user would; what it printed.

    ``tools`` come first on the PATH: this Python's, unless a folder is named.
    """
    first = tools or Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{first}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200"}
    if tools is None:
        env.setdefault("PYTHONPATH", str(ROOT))
    for role in ("AUTHOR", "COMMITTER"):
        for fact, value in PERSON.items():
            env.setdefault(f"GIT_{role}_{fact}", value)
    done = subprocess.run(
        command, cwd=root, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == code, f"{' '.join(command)} ended {done.returncode}:\n{done.stdout}"
    return done.stdout


MAY_START_SPARK = {"doctor", "drift", "nightly", "quarantine", "rehearse", "score"}
"""Commands that stop their session at the end, which would be the one that tests share."""


def call_here(root: Path, *command: str, code: int = 0, tools: Path | None = None) -> str:
    """As `call`; but a command of Assay's runs in this process, where its libraries are loaded.

    Those that may start Spark do not. What a command's children print on standard error is not in
    the answer.
    """
    from assay.cli.__main__ import main
    from tests import remembered

    if command[0] != "assay" or tools is not None or command[1] in MAY_START_SPARK:
        return call(root, *command, code=code, tools=tools)
    printed = io.StringIO()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (
        chdir(root),
        remembered.results(),
        mock.patch.dict(os.environ, {"PATH": path, "COLUMNS": "200"}),
        redirect_stdout(printed),
        redirect_stderr(printed),
    ):
        try:
            found = main(command[1:])
        except SystemExit as ended:
            found = ended.code
    assert found == code, f"{' '.join(command)} ended {found}:\n{printed.getvalue()}"
    return printed.getvalue()


def dvc(root: Path, *arguments: str) -> None:
    """Run DVC in this process, where it is loaded already; it prints nothing."""
    from dvc.cli import main

    with chdir(root), redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries about each other
        assert main(list(arguments)) == 0, f"dvc {' '.join(arguments)} failed"


def made_once(name: str, make: Callable[[Path], object], factory: pytest.TempPathFactory) -> Path:
    """What takes long to make, in its own place: a copy if another part of the suite made it."""
    root = factory.mktemp(name) / "parcels"
    shared = os.environ.get(SHARED)
    if shared is None:
        make(root)
        return root
    made = Path(shared) / name
    with (Path(shared) / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not made.exists():
            make(root)
            shutil.copytree(root, made.with_name(f"copying-{name}"), symlinks=True)
            made.with_name(f"copying-{name}").rename(made)
            return root
    shutil.copytree(made, root, symlinks=True)
    return root


def promoted(root: Path) -> None:
    """A project at ``root`` under git and DVC, `dvc repro` run, its model promoted."""
    shutil.copytree(PARCELS, root)
    start(root)


def start(root: Path) -> None:
    """Put a project under git and DVC, run `dvc repro` and promote its model."""
    call(root, "git", "init", "--quiet")
    call(root, "dvc", "init", "--quiet")
    call(root, "git", "add", "--all")
    call(root, "git", "commit", "--quiet", "--message", "Start")
    call(root, "dvc", "repro")
    promote(root)


def promote(root: Path) -> None:
    """Commit what the stages made, and promote it."""
    call(root, "git", "add", "--all")
    call(root, "git", "commit", "--quiet", "--message", "Train")
    call(root, "assay", "promote", "--because", "first model")
