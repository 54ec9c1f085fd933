"""`make test`: the whole suite in three parts at once, since most tests use a single core.

The third is how a model comes to its first nights by the workflows; the other workflow tests take
long, and `make test-workflows` runs them all.

Arguments name a module that runs pytest, such as ``coverage run``, which `make coverage` asks for.
Every line that pytest prints comes as it is printed, with the number of its part in front. What
was skipped in any is said once more at the very end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = "SKIPPED, SO NOT PROVED: "
"""How pytest's lines about skipped tests begin (tests/skips.py)."""
MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that have to be free there: some times what the tests leave until the end."""
SHARED = "ASSAY_TESTS_SHARED"
"""Names a folder in which a part leaves what takes long to make, for the others to copy."""
FIRST = (
    "tests/contract",
    "tests/edge",
    "tests/evaluation",
    "tests/federate",
    "tests/hosting",
    "tests/init",
    "tests/life",
    "tests/models",
    "tests/promotion",
    "tests/registry",
    "tests/score",
    "tests/store",
    "tests/test_extras.py",
    "tests/test_flow.py",
)
"""About half of the time, and among them those that start Spark most often. The flow comes last:
a command that it calls in the test's own process ends the Spark session that tests share."""
LIFE = tuple(
    f"tests/workflows/test_life.py::test_{name}"
    for name in ("a_model_is_judged_and_promoted", "nights_are_scored_and_a_bad_one_is_held")
)


def parts() -> tuple[list[str], list[str], list[str]]:
    """Paths for runs of pytest beside each other; a new file of tests is in the second."""
    ignored = [option for path in FIRST for option in ("--ignore", path)]
    return list(FIRST), ["tests", *ignored], list(LIFE)


def main() -> int:
    """Run all; 0 if they passed, else the first code that is not 0."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="assay-", dir=in_memory()) as shared:
        # A database that tests start has a user of its own, who has to get to its folder below.
        Path(shared).chmod(0o711)
        running = [
            start(number, arguments, lines, shared) for number, arguments in enumerate(parts(), 1)
        ]
        for _, reader in running:
            reader.join()
    codes = [process.wait() for process, _ in running]
    for number, code in enumerate(codes, 1):
        print(f"part {number} of the tests ended with exit code {code}")
    for line in skipped(lines):
        print(line)
    return next((code for code in codes if code), 0)


def in_memory(folder: Path = MEMORY) -> Path | None:
    """A folder in memory, where the thousands of small projects that tests make take no disk.

    None where there is no such folder with enough room, or no program may be started from it.
    """
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    free = found.f_bavail * found.f_frsize
    usable = os.access(folder, os.W_OK | os.X_OK) and not found.f_flag & os.ST_NOEXEC
    return folder if usable and free >= ROOM else None


def skipped(lines: Iterable[str]) -> list[str]:
    """What the lines of all parts say of skipped tests, added up by reason."""
    counts: Counter[str] = Counter()
    for line in lines:
        if line.startswith(MARK):
            count, _, reason = line.removeprefix(MARK).strip().partition(": ")
            counts[reason] += int(count)
    return [
        f"{count} test{'s' if count > 1 else ''} skipped: {reason}"
        for reason, count in counts.items()
    ]


def start(
    number: int, arguments: list[str], lines: list[str], shared: str
) -> tuple[subprocess.Popen[str], threading.Thread]:
    """One part at work, and the thread that passes its output on."""
    # Under coverage it is: python -m coverage run -m pytest.
    runner = ["-m", *sys.argv[1:]] if sys.argv[1:] else []
    process = subprocess.Popen(
        [sys.executable, *runner, "-m", "pytest", *arguments],
        cwd=ROOT,
        # The parts share the cores, where threads of OpenMP would spin while they wait for others.
        env={"OMP_NUM_THREADS": "1", **os.environ, SHARED: shared, "TMPDIR": shared},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    reader = threading.Thread(target=pass_on, args=(number, process, lines))
    reader.start()
    return process, reader


def pass_on(number: int, process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        print(f"{number}| {line}", end="", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
