"""The modules that model tests may import from the project: those that are evidence.

Every other import looks only at what is installed. So a file of the project that an installed
package looks for by chance is never run.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from assay.project import source_code
from assay.project.text import first_few

FILES = ("test_*.py", "*_test.py")
CLASSES = "Test"
FUNCTIONS = "test"
"""pytest naming patterns for test files, classes and functions; project settings are ignored."""

_SHOWN = 5


@dataclass(frozen=True)
class DeclaredTest:
    """A function that is named like a test.

    Parameters
    ----------
    file
        Path relative to the project root.
    name
        Qualified by its classes: ``TestLate.test_rain``.
    again
        Line of a later definition with the same name, which replaces this one; else None.
    """

    file: str
    name: str
    line: int
    again: int | None = None

    @property
    def node(self) -> str:
        """The pytest node id."""
        return "::".join((self.file, *self.name.split(".")))


@dataclass(frozen=True)
class UncollectedTest:
    """A file or test that pytest did not collect, and what is wrong with it."""

    node: str
    detail: str


def find_uncollected(
    root: Path, tests: str, collected: Set[str], known: Set[str]
) -> Iterator[UncollectedTest]:
    """The tests under ``root/tests`` that were not collected, sorted by file.

    Parameters
    ----------
    collected
        ``FILE::CLASS.FUNCTION`` of every collected test, both by the place of its definition and
        by the file and class that it was collected in.
    known
        Files whose failed collection is already reported.
    """
    for path in sorted((root / tests).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        if file in known or not path.is_file():
            continue
        try:
            written = list(parse_tests(path, file))
        except (SyntaxError, ValueError, RecursionError, OSError) as error:
            yield UncollectedTest(
                file, f"cannot be read as Python ({_first(error)}), and was not collected"
            )
            continue
        lost = [each for each in written if f"{file}::{each.name}" not in collected]
        # No test was collected: pytest skipped the whole file.
        if lost and len(lost) == len(written) and not any(path.match(each) for each in FILES):
            yield UncollectedTest(file, _misnamed(lost))
            continue
        for each in written:
            if each.again is not None:
                detail = f"line {each.line}: line {each.again} defines it again, so it never runs"
                yield UncollectedTest(each.node, detail)
            elif each in lost:
                yield UncollectedTest(each.node, f"line {each.line}: {_LOST}")


def parse_tests(path: Path, file: str) -> Iterator[DeclaredTest]:
    """Every test in a file, also those under an ``if`` or in a class of any name."""
    tree = ast.parse(path.read_bytes(), filename=file)
    yield from _tests(tree.body, file, ())


def _tests(body: list[ast.stmt], file: str, within: tuple[str, ...]) -> Iterator[DeclaredTest]:
    last = {each.name: each.lineno for each in body if isinstance(each, _FUNCTIONS)}
    for each in body:
        if isinstance(each, _FUNCTIONS):
            if each.name.startswith(FUNCTIONS) and not _is_fixture(each):
                again = last[each.name] if last[each.name] != each.lineno else None
                yield DeclaredTest(file, ".".join((*within, each.name)), each.lineno, again)
        elif isinstance(each, ast.ClassDef):
            yield from _tests(each.body, file, (*within, each.name))
        else:
            for block in ("body", "orelse", "finalbody"):
                yield from _tests(getattr(each, block, []), file, within)
            for part in (*getattr(each, "handlers", []), *getattr(each, "cases", [])):
                yield from _tests(part.body, file, within)


def _is_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = (
        ast.unparse(each.func if isinstance(each, ast.Call) else each)
        for each in function.decorator_list
    )
    return any(name.rpartition(".")[2] == "fixture" for name in names)


def _misnamed(lost: list[DeclaredTest]) -> str:
    names = first_few((each.name for each in lost), _SHOWN)
    return (
        f"holds {names}, and pytest did not collect it: a file of tests is called "
        f"{' or '.join(FILES)}; if they are no tests, do not call them {FUNCTIONS}..."
    )


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOST = (
    f"is called like a test, and pytest did not collect it: does its class begin with {CLASSES}, "
    "without __init__, and does nothing leave it out? A test that must not run is skipped, "
    "with a reason"
)


OPTION = "--assay-own"
_COLLECTED = (*FILES, "conftest.py", "__init__.py")
"""Files that pytest imports by itself, whatever else has their name."""


def importable_names(root: Path, tests: str) -> list[str]:
    """Top-level names that may be imported from the project: of its tests and what they import.

    Raises
    ------
    PluginError
        One of them is also the name of an installed module.
    """
    # Pytest loads this module in every project, so pydantic is imported only when needed.
    from assay.project import digests

    files = digests.model_tests(root, tests)
    own = source_code.find_dependencies(source_code.file_reader(root), (), files)
    imported = source_code.module_paths(path for path in own if path not in files)
    # Pytest puts the folder of a test on the path: a test may import its neighbours by their names.
    near = {
        path.stem: str(path)
        for path in map(PurePosixPath, files)
        if not any(path.match(each) for each in _COLLECTED)
    }
    source_code.refuse_installed_names(imported | near)
    parts = (part for path in files for part in PurePosixPath(path).with_suffix("").parts)
    return sorted({*parts, *(name.partition(".")[0] for name in imported)})


class OwnModulesFinder(MetaPathFinder):
    """Finds modules as Python does, but those of the project only by the names that are allowed."""

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self.folders = (str(root), str(root / "src"))
        self.root = root

    def install(self) -> None:
        """Take the place of Python's own finder of files."""
        sys.meta_path[sys.meta_path.index(PathFinder)] = self

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None and fullname in self.names:
            path = [*self.folders, *sys.path]
        elif path is None:
            path = source_code.without_project(sys.path, self.root)
        return PathFinder.find_spec(fullname, path, target)

    def find_distributions(self, *context: Any) -> Iterable[Any]:
        return PathFinder.find_distributions(*context)

    def invalidate_caches(self) -> None:
        PathFinder.invalidate_caches()
