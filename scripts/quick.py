"""`make quick`: the tests and checks that a change touches, in under three minutes.

What has changed since the branch left main, also what is not committed: tests of the same name as a
changed module, tests that import it, changed tests, and what holds the tree together. Whatever
takes longer than the time is not run and named; `make test` runs everything.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("pipeline/assay")
SECONDS = 150
"""For tests; ruff and mypy take the rest."""

MOST_IMPORTERS = 6
"""Tests that import a changed module beside those of its name: a module that everybody imports is
for `make test`."""

ALWAYS = ("tests/test_architecture.py", "tests/test_docstrings.py")
OF_PAGES = ("tests/test_readme.py", "tests/test_how_to.py")


def main() -> int:
    """Run what the change touches; 1 if something failed."""
    started = time.monotonic()
    changed = changed_files()
    python = [path for path in changed if path.endswith(".py") and (ROOT / path).exists()]
    tests = chosen(changed, {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8")
                             for p in (ROOT / "tests").rglob("test_*.py")})  # fmt: skip
    print(*tests, sep="\n", flush=True)
    codes = [
        *(_run("ruff", step, *python) for step in (["check"], ["format", "--check"]) if python),
        *([_run("mypy", [])] if python else []),
        *_timed(tests, started + SECONDS),
    ]
    print(f"{time.monotonic() - started:.0f} s; make test and make check run everything")
    return int(any(codes))


def changed_files() -> list[str]:
    """Paths below the root that differ from where the branch left main."""
    base = next(
        (found for name in ("origin/main", "main") if (found := _git("merge-base", "HEAD", name))),
        ["HEAD"],
    )
    return sorted(
        {*_git("diff", "--name-only", base[0]), *_git("ls-files", "-o", "--exclude-standard")}
    )


def chosen(changed: Iterable[str], tests: dict[str, str]) -> list[str]:
    """The files of tests to run for some changed files, the closest first.

    Parameters
    ----------
    tests
        All files of tests, by path below the root, with their text.
    """
    same, importing, pages = [], [], False
    for path in changed:
        if path in tests:
            same.append(path)
        elif path.endswith(".py") and path.startswith(f"{PACKAGE}/"):
            module = Path(path).relative_to(PACKAGE).with_suffix("")
            mirrored = f"tests/{module.parent.as_posix()}/test_{module.name}.py".replace("/./", "/")
            same += [mirrored] if mirrored in tests else []
            importing += _importing(module, mirrored, tests)
        pages |= path.endswith(".md")
    found = [*same, *importing, *ALWAYS, *(OF_PAGES if pages else ())]
    return [path for path in dict.fromkeys(found) if path in tests]


def _importing(module: Path, mirrored: str, tests: dict[str, str]) -> list[str]:
    dotted, above = ".".join(("assay", *module.parts)), ".".join(("assay", *module.parts[:-1]))
    said = re.compile(
        rf"(from|import) {re.escape(dotted)}\b|from {re.escape(above)} import .*\b{module.name}\b"
    )
    room = f"tests/{module.parts[0]}/"
    found = [path for path, text in tests.items() if path != mirrored and said.search(text)]
    return sorted(found, key=lambda path: (not path.startswith(room), path))[:MOST_IMPORTERS]


def _timed(tests: Sequence[str], until: float) -> list[int]:
    """Run the files in turn as long as there is time, and name those that it did not reach."""
    codes = []
    for number, path in enumerate(tests):
        left = until - time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "--no-header", path],
                cwd=ROOT,
                timeout=max(left, 0.1),
            )
        except subprocess.TimeoutExpired:
            print("no time for", *tests[number:])
            break
        codes.append(done.returncode)
    return codes


def _run(tool: str, options: Sequence[str], *paths: str) -> int:
    return subprocess.run([sys.executable, "-m", tool, *options, *paths], cwd=ROOT).returncode


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


if __name__ == "__main__":
    sys.exit(main())
