"""A virtual environment with a part of what is installed here, made without a network.

Its packages are links to this environment's files, so it takes a second and no room; what no
extra brings is truly absent from it.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(*extras: str) -> list[Requirement]:
    """What ``pip install assay[extras]`` asks for itself, extras of extras included."""
    optional = PROJECT["optional-dependencies"]
    texts, todo = list(PROJECT["dependencies"]), list(extras)
    while todo:
        for each in map(Requirement, optional[todo.pop()]):
            if each.name == PROJECT["name"]:
                todo += each.extras
            else:
                texts.append(str(each))
    return [Requirement(text) for text in texts]


def closure(wanted: Iterable[Requirement]) -> dict[str, Distribution]:
    """Name -> installed distribution, of these and everything that they ask for."""
    found: dict[tuple[str, str], Distribution] = {}
    todo = list(wanted)
    while todo:
        need = todo.pop()
        name = canonicalize_name(need.name)
        for extra in ("", *need.extras):
            if (name, extra) not in found:
                dist = found[name, extra] = distribution(name)
                needs = map(Requirement, dist.requires or ())
                todo += [
                    each
                    for each in needs
                    if each.marker is None or each.marker.evaluate({"extra": extra})
                ]
    return {name: dist for (name, _), dist in found.items()}


def make(folder: Path, *extras: str) -> Path:
    """The Python of a new environment in ``folder`` that has ``assay[extras]``."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    for dist in [*closure(requirements(*extras)).values(), distribution("assay")]:
        for file in dist.files or ():
            source = Path(str(dist.locate_file(file)))
            if ".." not in file.parts and "__pycache__" not in file.parts and source.is_file():
                link(source, site.joinpath(*file.parts))
    return folder / "bin" / "python"


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Symbolic, as temporary files may be in memory.
    with suppress(FileExistsError):  # two distributions hold the same file of a namespace
        target.symlink_to(source)
