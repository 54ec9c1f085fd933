"""`make test`: the whole suite in two halves at once, since most tests use a single core.

Arguments name a module that runs pytest, such as ``coverage run``, which `make coverage` asks for.
Every line that pytest prints comes as it is printed, with the number of its half in front.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST = (
    "tests/compiled",
    "tests/contract",
    "tests/registry",
    "tests/score",
    "tests/store",
    "tests/test_flow.py",
)
"""Among them those that start Spark most often; everything else is the second half."""


def halves() -> tuple[list[str], list[str]]:
    """Paths for two runs of pytest; a new folder or file of tests is in the second."""
    ignored = [option for path in FIRST for option in ("--ignore", path)]
    return list(FIRST), ["tests", *ignored]


def main() -> int:
    """Run both; 0 if both passed, else the first code that is not 0."""
    running = [start(number, arguments) for number, arguments in enumerate(halves(), 1)]
    for _, reader in running:
        reader.join()
    codes = [process.wait() for process, _ in running]
    for number, code in enumerate(codes, 1):
        print(f"half {number} of the tests ended with exit code {code}")
    return next((code for code in codes if code), 0)


def start(number: int, arguments: list[str]) -> tuple[subprocess.Popen[str], threading.Thread]:
    """One half at work, and the thread that passes its output on."""
    # Under coverage it is: python -m coverage run -m pytest.
    runner = ["-m", *sys.argv[1:]] if sys.argv[1:] else []
    process = subprocess.Popen(
        [sys.executable, *runner, "-m", "pytest", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    reader = threading.Thread(target=pass_on, args=(number, process))
    reader.start()
    return process, reader


def pass_on(number: int, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        print(f"{number}| {line}", end="", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
