"""The small project that tests, chaos and benchmarks work on, made by its users' commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

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


def promoted(root: Path) -> None:
    """A project at ``root`` under git and DVC, `dvc repro` run, its model promoted."""
    shutil.copytree(PARCELS, root)
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
