"""An installation as users have it: the wheel of the tree under test, and what it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.projects import ROOT

NAME = "installed"
"""Under which the parts of the suite share it: see `tests.projects.made_once`."""
DVC = "import sys\nfrom dvc.cli import main\nsys.exit(main())\n"


def install(folder: Path) -> Path:
    """Build the wheel and install it in ``folder``, which is made; the environment's ``bin``.

    What the wheel needs is not downloaded: the environment sees the packages of the one that runs
    the tests, but not the tree under test. ``folder/python/python3`` is a Python of which each new
    environment has all that too, so that pip finds nothing left to download.
    """
    folder.mkdir()
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", folder], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    made = folder / "venv"
    venv.create(made, with_pip=True, symlinks=True)
    python = made / "bin" / "python"
    (site,) = made.glob("lib/python*/site-packages")
    # Unlike a folder on PYTHONPATH, its own .pth files are not read: one names the tree.
    (site / "pinned.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--ignore-installed", wheel], check=True)
    # The one that a new environment has would come before the pinned one.
    subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"], check=True)
    _copy_kernels(site)
    _script(made / "bin" / "dvc", f"#!{python}\n{DVC}")
    copied = f'mkdir -p "$3" && ln -sfn "{made}"/* "$3"/'
    _script(
        folder / "python" / "python3",
        f'#!/bin/sh\n[ "$1 $2" != "-m venv" ] || {{ {copied}; exit; }}\nexec "{python}" "$@"\n',
    )
    return made / "bin"


def moved(folder: Path) -> Path:
    """The ``bin`` of an installation that may have been copied here: its scripts name its place."""
    programs = folder / "venv" / "bin"
    old = Path((programs / "dvc").read_text().partition("\n")[0].removeprefix("#!")).parents[2]
    for script in (*programs.iterdir(), folder / "python" / "python3"):
        if not script.is_symlink() and (text := script.read_bytes()).count(bytes(old)):
            script.write_bytes(text.replace(bytes(old), bytes(folder)))
    return programs


def _copy_kernels(site: Path) -> None:
    """The machine code that this tree has compiled, which takes 12 seconds of a core.

    Numba knows by a module's time and size that it is of the same text.
    """
    tree = ROOT / "pipeline"
    for code in tree.glob("assay/**/__pycache__/*.nb[ci]"):
        module = code.parents[1] / f"{code.name.partition('.')[0]}.py"
        shutil.copy(code, site / code.relative_to(tree))
        shutil.copystat(module, site / module.relative_to(tree))


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
