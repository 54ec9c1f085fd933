"""What a worker needs: installed distributions, this package, the project's own modules."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
)
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import assay
from assay.errors import RunError
from assay.project.params import Params
from assay.project.params.inputs import Postgres
from assay.registry import git

ROOTS = ("numba", "numpy", "pandas", "pandera", "pyarrow", "pydantic")
"""Imported when scoring a part. Without pyspark: a worker has the Spark that it belongs to."""

UNCOMPILED = ("scikit-learn", "skops")
"""Imported too where a model cannot be compiled: packed if the extra ``train`` is installed."""

PROVIDED = frozenset({"assay", "pyspark", "py4j"})
"""Not looked up as distributions: packed from this package, or already on the worker."""

TRIMMED = frozenset({"llvmlite", "numba", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy"})
"""Large, and known to run without tests and without files that only compilers read."""

_ONLY_COMPILERS_READ = frozenset({".a", ".h", ".hpp", ".lib", ".pxd", ".pyi", ".pyx"})


@dataclass(frozen=True)
class ArchiveMember:
    """One file of the archive, and its source path."""

    name: str
    source: Path


def imported_modules(root: Path, params: Params) -> frozenset[str]:
    """Top-level modules that the input, the contract and the model may import on a worker.

    Imports are followed from the contract file into the project's own modules, as far as ``import``
    statements show them. A model's types are listed in ``bundle.allow_types``.
    """
    found = {name.partition(".")[0] for name in params.bundle.allow_types}
    if isinstance(params.score.input, Postgres):
        found.add("adbc_driver_postgresql")
    todo, seen = [root / params.contract.file, *_files(root, found)], set[Path]()
    while todo:
        path = todo.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        names = set(_imported(path))
        found |= {name.partition(".")[0] for name in names}
        todo += _files(root, names)
    return frozenset(found)


def _imported(path: Path) -> Iterator[str]:
    """Every module that a file imports; none if Python cannot parse the file."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(root: Path, modules: Iterable[str]) -> list[Path]:
    """The project's files that run when ``modules`` are imported."""
    found = []
    for module in modules:
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            base = root.joinpath(*parts[:end])
            found += [base.with_suffix(".py"), base / "__init__.py"]
    return [path for path in found if path.is_file()]


def distributions(root: Path, modules: frozenset[str]) -> list[Distribution]:
    """Every installed distribution that scoring, or one of ``modules``, requires; sorted by name.

    Raises
    ------
    RunError
        One of them is not installed, or installed in a way that cannot be copied.
    """
    own = {path.stem for path in root.glob("*.py")} | {
        path.name for path in root.iterdir() if path.is_dir()
    }
    known = packages_distributions()
    named = {
        name for module in modules - own - sys.stdlib_module_names for name in known.get(module, ())
    }
    trained = {name for name in UNCOMPILED if _is_installed(name)}
    todo = [Requirement(name) for name in {*ROOTS, *trained, *named}]
    found: dict[tuple[str, str], Distribution] = {}
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        for extra in ("", *wanted.extras):
            if name in PROVIDED or (name, extra) in found:
                continue
            dist = found[name, extra] = _installed(name)
            needs = map(Requirement, dist.requires or ())
            todo += [
                need
                for need in needs
                if need.marker is None or need.marker.evaluate({"extra": extra})
            ]
    return [found[name, extra] for name, extra in sorted(found) if extra == ""]


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _installed(name: str) -> Distribution:
    try:
        dist = distribution(name)
    except PackageNotFoundError:
        raise RunError(
            "a package that workers need is not installed",
            where=name,
            mend=f"Install it: pip install {name}.",
        ) from None
    address = json.loads(dist.read_text("direct_url.json") or "{}")
    if dist.files is None or address.get("dir_info", {}).get("editable"):
        raise RunError(
            "a package that workers need cannot be copied from where it is installed",
            where=name,
            expected="a package with a list of its files, as pip installs it",
            found="an editable install" if dist.files is not None else "no list of files",
            mend=f"Install it into this environment with pip, not in place: pip install {name}.",
        )
    return dist


def distribution_files(dist: Distribution) -> Iterator[ArchiveMember]:
    """The files of a distribution that are needed to run it.

    Byte code and command line scripts are left out; for the `TRIMMED` ones also tests, headers and
    type stubs.
    """
    trimmed = canonicalize_name(dist.metadata["Name"]) in TRIMMED
    for file in dist.files or ():
        path = PurePosixPath(file.as_posix())
        if path.is_absolute() or ".." in path.parts or _is_bytecode(path):
            continue
        if trimmed and is_trimmed(path):
            continue
        source = Path(str(dist.locate_file(file)))
        if source.is_file():
            yield ArchiveMember(f"site-packages/{path}", source)


def is_trimmed(path: PurePosixPath) -> bool:
    """Whether a file of a `TRIMMED` distribution is read by compilers or its own tests alone."""
    return path.suffix in _ONLY_COMPILERS_READ or "tests" in path.parts[:-1]


def package_files() -> Iterator[ArchiveMember]:
    """Assay's own package, from where it is imported: if editable, its source folder."""
    top = Path(assay.__path__[0]).resolve()
    for source in top.rglob("*"):
        path = PurePosixPath(source.relative_to(top).as_posix())
        if source.is_file() and not _is_bytecode(path):
            yield ArchiveMember(f"site-packages/{top.name}/{path}", source)


def project_files(root: Path) -> Iterator[ArchiveMember]:
    """The project's Python files that git tracks, as they are in the work tree."""
    ours = Path(assay.__path__[0]).resolve()
    for path in git.tracked_files(root, "*.py"):
        source = root / path
        if source.is_file() and not source.resolve().is_relative_to(ours):
            yield ArchiveMember(f"project/{path}", source)


def _is_bytecode(path: PurePosixPath) -> bool:
    return path.suffix == ".pyc" or "__pycache__" in path.parts
