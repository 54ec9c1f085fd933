"""Installed packages that the project's own code names: their versions, and digests of their files.

A rule, metric, measure, input or model may come from a package of the team's own. What is in it
decides as much as a file of the project, so its files are evidence too.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_COMPILED = (".so", ".pyd", ".dylib", ".dll")
_OURS = __name__.partition(".")[0]


def installed_distributions() -> Mapping[str, list[str]]:
    """Top-level module -> the installed distributions that provide it."""
    return _distributions(tuple(sys.path))


@lru_cache(maxsize=4)
def _distributions(path: tuple[str, ...]) -> Mapping[str, list[str]]:
    del path  # by it the installed packages are found
    return packages_distributions()


def distribution_versions(modules: Iterable[str]) -> dict[str, str]:
    """Name -> version of the installed distributions that provide these modules."""
    wanted = sorted(modules)
    known = installed_distributions() if wanted else {}
    names = sorted({name for module in wanted for name in known.get(module, ())})
    return {name: version(name) for name in names}


def installed_digests(modules: Iterable[str]) -> dict[str, str]:
    """What is installed of these top-level modules: path of each file -> digest of its bytes.

    Of packages that Assay itself or one of its extras asks for there is nothing: their versions
    are pinned by hash. Of a package with compiled libraries, whose files differ between machines,
    there is its distribution's name, with the version.

    Parameters
    ----------
    modules
        Third-party ones, as of `assay.project.source_code.third_party_modules`; a name that is not
        installed is left out.
    """
    found: dict[str, str] = {}
    for top in sorted(set(modules)):
        names = {canonicalize_name(name) for name in installed_distributions().get(top, ())}
        if names & _asked_for():
            continue
        files = _files(top)
        if any(file.suffix in _COMPILED for file in files.values()):
            found |= distribution_versions([top])
        else:
            found |= {path: _digest(file) for path, file in files.items()}
    return dict(sorted(found.items()))


def _files(top: str) -> dict[str, Path]:
    """Path below the folder that it is installed in -> file, of a module or a package.

    What is found because it lies in the working folder is not installed: ``python -m`` adds it.
    """
    try:
        spec = find_spec(top)
    except ValueError:  # __main__ of an interactive session
        spec = None
    if spec is None:
        return {}
    alone = [spec.origin] if spec.origin and spec.has_location else []
    places = spec.submodule_search_locations or alone
    roots = [root for place in places if (root := Path(place)).parent != Path.cwd()]
    return {
        file.relative_to(root.parent).as_posix(): file for root in roots for file in _below(root)
    }


def _below(root: Path) -> Iterator[Path]:
    for file in root.rglob("*") if root.is_dir() else (root,):
        if file.suffix != ".pyc" and file.is_file():
            yield file


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _asked_for() -> frozenset[str]:
    """The distributions that Assay or one of its extras asks for, by their canonical names."""
    try:
        lines = requires(_OURS) or ()
    except PackageNotFoundError:  # run from its folder
        return frozenset()
    return frozenset(canonicalize_name(Requirement(line).name) for line in lines)
