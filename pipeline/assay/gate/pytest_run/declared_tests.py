"""Model tests declared in source files, compared with those that pytest collected.

A test can be lost silently: its file or class is misnamed, it is redefined, or a conftest excludes
its folder. So the files are parsed without running them, and every test found must have been
collected.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

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
    names = ", ".join(each.name for each in lost[:_SHOWN])
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    return (
        f"holds {names}{more}, and pytest did not collect it: a file of tests is called "
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
