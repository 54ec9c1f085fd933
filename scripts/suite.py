"""`make test`: the whole suite in parts, three at once, since most tests use a single core.

The next part starts as soon as one has ended. One is how a model comes to its first nights by the
workflows; the other workflow tests take long, and `make test-workflows` runs them all.

Arguments name a module that runs pytest, such as ``coverage run``, which `make coverage` asks for.
Every line that pytest prints comes as it is printed, with the number of its part in front. What
failed, and what was skipped, in any is said once more at the very end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = "SKIPPED, SO NOT PROVED: "
"""How pytest's lines about skipped tests begin (tests/skips.py)."""
SLOWEST = ("--durations=10", "--durations-min=10")
SUMMARY = "= short test summary info ="
MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that have to be free there: some times what the tests leave until the end."""
SHARED = "ASSAY_TESTS_SHARED"
"""Names a folder in which a part leaves what takes long to make, for the others to copy."""
AT_ONCE = 3
"""One more than the cores of a small machine: tests wait for disks and for other processes."""
LIFE = tuple(
    f"tests/workflows/test_life.py::test_{name}"
    for name in ("a_model_is_judged_and_promoted", "nights_are_scored_and_a_bad_one_is_held")
)
PARTS = (
    # Whatever starts Spark shares one. The flow comes last: a command that it calls in the test's
    # own process ends the Spark session. What comes first needs no promoted model, which the second
    # part is making then.
    ("evaluation", "score", "test_flow_tasks.py", "test_free_text.py", "test_flow.py"),
    ("life", "promotion", "test_faults.py", "serve"),
    ("training", "monitor", "performance", "project"),
    ("init", "plan", "hosting"),
    ("gate", "ask", "registry", "cli"),
    ("compiled", "columns", "metrics", "models"),
    ("edge", "federate", "contract", "store", "formats"),
)
"""What is run together, by its name in tests/, longest first; each part takes some minutes."""


def parts() -> list[list[str]]:
    """Paths for each run of pytest; what no part names, such as a new file, is in the third."""
    named = [[f"tests/{name}" for name in part] for part in PARTS]
    ignored = [option for part in named for path in part for option in ("--ignore", path)]
    # A life by the workflows cannot be parted and waits a lot: it is not left for the end.
    return [*named[:2], ["tests", *ignored], list(LIFE), *named[2:]]


def main() -> int:
    """Run all; 0 if they passed, else the first code that is not 0."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="assay-", dir=in_memory()) as shared,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        # A database that tests start has a user of its own, who has to get to its folder below.
        Path(shared).chmod(0o711)
        running = [
            pool.submit(run, number, paths, shared) for number, paths in enumerate(parts(), 1)
        ]
        try:
            ended = [each.result() for each in running]
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for number, part in enumerate(ended, 1):
        print(f"part {number} took {part.seconds:.0f} s and ended with exit code {part.code}")
    print(f"all took {time.monotonic() - began:.0f} s")
    for part in ended:
        for line in failed(part.lines):
            print(line)
    for line in skipped(line for part in ended for line in part.lines):
        print(line)
    return next((part.code for part in ended if part.code), 0)


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


def failed(lines: list[str]) -> list[str]:
    """The lines that name a test that failed, from the summary at a part's end."""
    ends = [at for at, line in enumerate(lines) if SUMMARY in line]
    last = lines[ends[-1] :] if ends else []
    return [line.rstrip() for line in last if line.startswith(("FAILED ", "ERROR "))]


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


@dataclass(frozen=True)
class Ended:
    code: int
    seconds: float
    lines: list[str]


def run(number: int, paths: list[str], shared: str) -> Ended:
    """One part from start to end; its output is passed on line by line."""
    # Under coverage it is: python -m coverage run -m pytest.
    runner = ["-m", *sys.argv[1:]] if sys.argv[1:] else []
    began, lines = time.monotonic(), []
    with subprocess.Popen(
        [sys.executable, *runner, "-m", "pytest", *SLOWEST, *paths],
        cwd=ROOT,
        # The parts share the cores, where threads of OpenMP would spin while they wait for others.
        env={"OMP_NUM_THREADS": "1", **os.environ, SHARED: shared, "TMPDIR": shared},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            print(f"{number}| {line}", end="", flush=True)
    return Ended(process.returncode, time.monotonic() - began, lines)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
