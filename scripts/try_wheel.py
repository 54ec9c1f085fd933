"""Install the built wheel in a new environment with the pinned packages, and train with it.

The environment has nothing of this tree: what the wheel forgot to bring is missing there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "wheel"


def main(folder: Path) -> None:
    """Raise `subprocess.CalledProcessError` at the first thing that does not work."""
    (wheel,) = folder.glob("*.whl")
    shutil.rmtree(PLACE, ignore_errors=True)
    venv.create(PLACE / "venv", with_pip=True)
    tools = PLACE / "venv" / "bin"
    install = [tools / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Some packages are published as source only; they are built with the pinned tools.
    pinned = ["--require-hashes", "--no-deps", "--no-build-isolation", "-r"]
    for more in (
        [*pinned, ROOT / "requirements" / "build.txt"],
        [*pinned, ROOT / "requirements" / "run.txt"],
        ["--no-deps", wheel.resolve()],
    ):
        subprocess.run([*install, *more], check=True)
    try_it(tools, PLACE / "parcels")


def try_it(tools: Path, project: Path) -> None:
    """Train, gate and describe the small project's model with the ``assay`` in ``tools``."""
    shutil.copytree(ROOT / "tests" / "parcels", project)
    env = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    env["DVC_NO_ANALYTICS"] = "1"
    for command in (
        ["git", "init", "--quiet"],
        ["dvc", "init", "--quiet"],
        ["dvc", "repro", "--quiet"],
        ["assay", "gate", "verdict"],
    ):
        subprocess.run(command, cwd=project, env=env, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
