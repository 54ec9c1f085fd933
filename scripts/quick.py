"""`make quick`: the tests and checks that a change touches, in under three minutes.

What has changed since the branch left main, also what is not committed: tests of the same name as a
changed module, tests that import it, tests that name a changed page or file, changed tests, and
what holds the tree together. mypy runs beside them. Whatever takes longer than the time is not run
and named; `make test` runs everything.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("pipeline/assay")
SECONDS = 150
"""For tests; mypy has a core of its own."""

MOST_IMPORTERS = 6
"""Tests that import a changed module beside those of its name; what everybody imports is for
`make test`, and a file that more tests name says nothing."""

ALWAYS = ("tests/test_architecture.py", "tests/test_docstrings.py")
OF_PAGES = {
    "": "tests/test_site.py",
    "README.md": "tests/test_readme.py",
    "docs/how-to/": "tests/test_how_to.py",
}
"""By how a page's path begins."""


def main() -> int:
    """Run what the change touches; 1 if something failed."""
    started = time.monotonic()
    changed = changed_files()
    python = [path for path in changed if path.endswith(".py") and (ROOT / path).exists()]
    tests = chosen(changed, {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8")
                             for p in (ROOT / "tests").rglob("test_*.py")})  # fmt: skip
    print(*tests, sep="\n", flush=True)
    types = subprocess.Popen([sys.executable, "-m", "mypy"], cwd=ROOT) if python else None
    codes = [
        *(_ruff(*step, *python) for step in (["check"], ["format", "--check"]) if python),
        *(_timed(tests, started + SECONDS) or [1]),
        types.wait() if types else 0,
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


def chosen(changed: Sequence[str], tests: dict[str, str]) -> list[str]:
    """The files of tests to run for some changed files, the closest first.

    Parameters
    ----------
    tests
        All files of tests, by path below the root, with their text.
    """
    own, near = [], []
    for path in map(Path, changed):
        if path.suffix == ".py" and path.as_posix() not in tests:
            room = path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else path.parts[0])
            folder = Path("tests", room).parent.as_posix() + "/"
            own.append(f"{folder}test_{path.stem}.py")
            near += _importing(path, folder, tests)
        elif path.suffix == ".py":
            own.append(path.as_posix())
        else:
            naming = [test for test, text in tests.items() if path.name in text]
            near += naming if len(naming) <= MOST_IMPORTERS else []
    pages = [path for path in changed if path.endswith(".md")]
    reading = [test for start, test in OF_PAGES.items() if any(p.startswith(start) for p in pages)]
    found = [*own, *near, *reading, *ALWAYS]
    return [path for path in dict.fromkeys(found) if path in tests]


def _importing(path: Path, folder: str, tests: dict[str, str]) -> list[str]:
    """Tests that import a module, those of its folder first; else some of its folder."""
    *above, name = path.with_suffix("").parts
    package = re.escape(".".join(above).removeprefix("pipeline."))
    said = re.compile(rf"(from|import) {package}\.{name}\b|from {package} import .*\b{name}\b")
    found = [test for test, text in tests.items() if said.search(text)]
    near = found or [test for test in tests if test.startswith(folder)]
    return sorted(near, key=lambda test: (not test.startswith(folder), test))[:MOST_IMPORTERS]


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


def _ruff(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "ruff", *arguments], cwd=ROOT).returncode


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


if __name__ == "__main__":
    sys.exit(main())
