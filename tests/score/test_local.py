"""Tasks in threads and processes of this command: all of them, or the error that one met."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from assay.errors import AssayError, ScoringFailed, SourceError
from assay.project.processes import own_cores
from assay.score.inputs import split as splits
from assay.score.inputs.split import RowGroups
from assay.score.inputs.types import InputFile
from assay.score.local import local_cores, no_progress, run_files
from tests.projects import ROOT

FILES = tuple(InputFile(f"f{n}", 1, (10, 10)) for n in range(6))


def named_rows(part: RowGroups) -> list[tuple[str, int]]:
    rows = [(part.path, 10 * group + row) for group in part.groups for row in range(10)]
    return rows[part.start : part.stop]


@dataclass(frozen=True)
class Listing:
    """Says which rows of files it got; of one file nothing, but an error."""

    bad: str = ""
    where: str = "files"
    batch_rows: int = 1
    threaded: bool = True

    def process_files(self, parts: Sequence[RowGroups], name: str) -> list[tuple[str, int]]:
        if any(part.path == self.bad for part in parts):
            raise SourceError("cannot be read", where=self.bad)
        return [row for part in parts for row in named_rows(part)]


@pytest.fixture(autouse=True)
def many_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "SMALL", 0)
    monkeypatch.setattr(splits, "TASK_ROWS", 10)


@pytest.mark.parametrize(("cores", "threaded"), [(1, True), (2, True), (5, True), (2, False)])
def test_each_row_is_worked_on_once(cores: int, threaded: bool) -> None:
    told: list[tuple[int, int]] = []
    pool = pa.default_memory_pool().backend_name
    work = Listing(threaded=threaded)
    found = list(run_files(FILES, work, cores, lambda *more: told.append(more)))
    assert [one for part in found for one in part] == [
        (file.path, row) for file in FILES for row in range(20)
    ]
    assert told == [(n + 1, len(found)) for n in range(len(found))]
    assert pa.default_memory_pool().backend_name == pool


def test_where_no_lock_is_shared_one_process_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")  # as where /dev/shm is missing

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    found = list(run_files(FILES, Listing(threaded=False), 2, no_progress))
    assert sum(len(part) for part in found) == 20 * len(FILES)


@pytest.mark.parametrize("cores", [1, 2])
def test_an_error_of_the_progress_is_not_taken_for_the_model_s(cores: int) -> None:
    def fails(*_: int) -> None:
        raise ZeroDivisionError("the terminal")

    with pytest.raises(ZeroDivisionError):
        run_files(FILES, Listing(), cores, fails)


def test_the_error_that_a_task_met_is_raised_here() -> None:
    with pytest.raises(AssayError, match="f3: cannot be read"):
        run_files(FILES, Listing(bad="f3"), 2, no_progress)


def test_after_an_error_the_tasks_that_wait_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    real = Listing.process_files

    def slow(work: Listing, parts: Sequence[RowGroups], name: str) -> list[tuple[str, int]]:
        begun.append(name)
        if len(begun) > 1:
            time.sleep(0.2)
        return real(work, parts, name)

    monkeypatch.setattr(Listing, "process_files", slow)
    with pytest.raises(AssayError, match="f0: cannot be read"):
        run_files(FILES, Listing(bad="f0"), 1, no_progress)
    assert len(begun) < 6


@pytest.mark.parametrize(
    ("master", "expected"),
    [
        ("local", 1),
        ("local[3]", 3),
        ("local[4,2]", 4),
        ("local[*]", own_cores()),
        ("spark://10.0.0.1:7077", None),
        ("yarn", None),
        ("local-cluster[2,1,1024]", None),
    ],
)
def test_only_a_master_on_this_machine_asks_for_threads(master: str, expected: int | None) -> None:
    assert local_cores(master) == expected


@dataclass(frozen=True)
class Failing(Listing):
    """Raises, or ends its process, as a model or the machine may."""

    how: str = ""

    def process_files(self, parts: Sequence[RowGroups], name: str) -> list[tuple[str, int]]:
        if self.how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "memory":
            raise MemoryError
        if self.how == "disk":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "part-0")
        raise ValueError("a\nmodel fails")


@pytest.mark.parametrize(("cores", "threaded"), [(1, True), (2, True), (2, False)])
@pytest.mark.parametrize(
    ("how", "code", "expected"),
    [
        ("model", 62, r"files: the model or .* failed.*found ValueError: a model fails"),
        ("memory", 62, r"files: memory ran out, so nothing was published.*score.batch_rows"),
        ("disk", 1, r"part-0: cannot be read or written \(found No space left on device\)"),
    ],
)
def test_a_task_that_fails_ends_with_one_line(
    cores: int, threaded: bool, how: str, code: int, expected: str
) -> None:
    with pytest.raises(AssayError, match=expected) as caught:
        run_files(FILES, Failing(how=how, threaded=threaded), cores, no_progress)
    assert caught.value.exit_code == code
    assert "\n" not in caught.value.line()


def test_a_process_that_is_killed_ends_with_one_line() -> None:
    with pytest.raises(ScoringFailed, match="files: a process ended in the middle of its rows"):
        run_files(FILES, Failing(how="killed", threaded=False), 2, no_progress)


@dataclass(frozen=True)
class Heavy(Listing):
    """More than a pipe holds."""

    model: bytes = bytes(1_000_000)


@pytest.mark.parametrize("room", [True, False])
def test_work_that_is_larger_than_a_pipe_reaches_the_processes(
    monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    if not room:
        monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    found = run_files(FILES, Heavy(threaded=False), 2, no_progress)
    assert len([row for part in found for row in part]) == 20 * len(FILES)


def test_a_process_that_dies_before_it_reads_its_work_ends_with_one_line(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    multiprocessing.set_executable(str(python))
    try:
        with pytest.raises(ScoringFailed, match="files: a process ended in the middle"):
            run_files(FILES, Heavy(threaded=False), 2, no_progress)
    finally:
        multiprocessing.set_executable(sys.executable)


def test_processes_end_with_the_command_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "command.py"
    script.write_text(
        "import os, sys, time\n"
        "from dataclasses import dataclass\n"
        "from tests.score.test_local import FILES, Listing, run_files, splits\n"
        "class Waiting(Listing):\n"
        "    def process_files(self, parts, name):\n"
        "        print(os.getpid(), flush=True)\n"
        "        time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    splits.SMALL, splits.TASK_ROWS = 0, 10\n"
        "    run_files(FILES, Waiting(threaded=False), 2, lambda *more: None)\n"
    )
    command = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert command.stdout is not None
    with command.stdout as told:
        workers = [int(told.readline()), int(told.readline())]
        command.kill()
        command.wait()
        assert told.read() == "", "both hold the pipe until they end"
    assert len(set(workers)) == 2
