"""One module's mutants, tried one after the other in a copy of the project.

A process imports once everything that does not depend on the module, and forks a child for each
mutant: the child imports the mutated module and those that need it, and runs the tests. What
tests start as processes of their own finds the mutated file too, since it stands on the disk.

Run as ``python -m scripts.mutants.nursery MODULE < numbers``, in the copy.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path

from scripts.mutants import targets
from scripts.mutants.make import Mutant, mutants

PATIENCE = 5.0
"""Times as long as the tests take with nothing changed, and some seconds: then it is killed."""

TROUBLE = Path("trouble.txt")
"""What a child could not handle."""

TURN = 0.01
"""Seconds between two looks at the child."""

LATER = ("tests", "benchmarks", "conftest", "_pytest", "scripts", "__main__")
"""What each child imports for itself, beside what depends on the mutated module."""


def main() -> None:
    module = sys.argv[1]
    wanted = json.load(sys.stdin)
    path = Path(module)
    source = path.read_bytes()
    found = mutants(module, source)
    files = targets.tests(module)
    loaded, took = _baseline(files)
    _preload(loaded, _dependents(module))
    limit = took * PATIENCE + 20
    # What kills without a change would kill every mutant.
    _must_pass(files, _in_child(files, limit))
    for number in wanted:
        _try(found[number], number, path, source, files, limit)
    path.write_bytes(source)


def _try(
    mutant: Mutant, number: int, path: Path, source: bytes, files: list[str], limit: float
) -> None:
    path.write_bytes(mutant.applied(source))
    began = time.monotonic()
    code = _in_child(files, limit)
    outcome = {0: "survived", None: "timed out"}.get(code, "killed")
    told = {"number": number, "outcome": outcome, "seconds": round(time.monotonic() - began, 2)}
    print(json.dumps(told), flush=True)


def _baseline(files: list[str]) -> tuple[list[str], float]:
    """With nothing changed the tests pass: what they import, and how long they take.

    Run twice, since the first run reads everything from the disk.
    """
    notes = Path("loaded.json")
    for _ in range(2):
        began = time.monotonic()
        code = _in_child(files, 900, notes)
        took = time.monotonic() - began
        _must_pass(files, code)
    return json.loads(notes.read_text()), took


def _must_pass(files: list[str], code: int | None) -> None:
    if code != 0:
        why = TROUBLE.read_text() if TROUBLE.exists() else f"exit code {code}"
        sys.exit(f"{' '.join(files)}: tests fail with nothing changed: {why}")


def _in_child(files: list[str], limit: float, notes: Path | None = None) -> int | None:
    """Exit code of the tests in a forked process; None if they took too long."""
    child = os.fork()
    if child == 0:
        os.setsid()  # so that what it starts ends with it
        _silence()
        code = 70
        try:
            code = _pytest(files)
            if notes is not None:
                notes.write_text(json.dumps(list(sys.modules)))
        except BaseException:  # the child never returns, whatever a mutant raises
            TROUBLE.write_text(traceback.format_exc())
        os._exit(code)
    # Turns are counted, not seconds: somebody may stop us all for a while.
    for _ in range(round(limit / TURN)):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _end(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(TURN)
    _end(child)
    os.waitpid(child, 0)
    return None


def _end(child: int) -> None:
    """End the child's whole process group: what it started may still run."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _pytest(files: list[str]) -> int:
    import hypothesis
    import pytest

    hypothesis.settings.register_profile(
        "mutants", derandomize=True, max_examples=15, database=None, deadline=None
    )
    hypothesis.settings.load_profile("mutants")
    options = ["-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    # The plugin may have been imported before; nobody reads its assertions.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, *files]))


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def _preload(loaded: Iterable[str], dependents: set[str]) -> None:
    """Import what the tests will, but for the mutated module and whatever imports it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in loaded:
            if name in dependents or name.partition(".")[0] in LATER:
                continue
            # Some of what is in sys.modules cannot be imported by its name.
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def _dependents(module: str) -> set[str]:
    """The module and all that import it, directly or not, at the top or within a function.

    What lies in a package imports the package, whatever else it imports.
    """
    imports = {
        name: _imports(path) | _packages(name)
        for path in Path("pipeline").rglob("*.py")
        for name in (_name(path),)
    }
    found = {_name(Path(module))}
    while True:
        more = {name for name, needs in imports.items() if needs & found} - found
        if not more:
            return found
        found |= more


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts[1:]).removesuffix(".__init__")


def _packages(name: str) -> set[str]:
    steps = name.split(".")
    return {".".join(steps[:count]) for count in range(1, len(steps))}


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


if __name__ == "__main__":
    main()
