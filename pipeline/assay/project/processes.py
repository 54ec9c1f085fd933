"""Processes that this command starts: they end with it, and have the variables that it sets.

They find nothing of the working folder before what is installed: otherwise a ``json.py`` of the
project would be run by whatever imports json.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import assay
from assay.project import source_code

_NO_USER = "PYTHONNOUSERSITE"


def own_cores() -> int:
    """The number of cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def python_command(module: str, *arguments: str) -> list[str]:
    """Command of a new Python process that runs ``module``, which is installed.

    Byte code is compared with its text, so that the text is what runs.
    """
    checked = ("--check-hash-based-pycs", "always")
    return [sys.executable, "-P", *checked, "-m", module, *arguments]


def python_environment(outer: Mapping[str, str]) -> dict[str, str]:
    """``outer`` for such a process: without PYTHON* variables, and with this Assay importable."""
    inner = {name: value for name, value in outer.items() if not name.startswith("PYTHON")}
    inner["PYTHONSAFEPATH"] = "1"
    if outer.get(_NO_USER):  # it only takes away
        inner[_NO_USER] = outer[_NO_USER]
    home = Path(assay.__file__).resolve().parents[1]
    before = takewhile(lambda entry: Path(entry).resolve() != home, sys.path)
    sites = (
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        site.getusersitepackages(),
    )
    # An Assay that is installed, or found through a .pth file, needs no variable.
    if home not in map(Path, sites) and not any(map(source_code.is_site, before)):
        inner["PYTHONPATH"] = str(home)
    return inner


def can_share() -> bool:
    """Whether processes may have locks in common; not so in a function of AWS Lambda."""
    try:
        multiprocessing.get_context("spawn").Lock()
    except (OSError, ImportError):
        return False
    return True


def process_pool(
    workers: int, begin: Callable[..., object] | None = None, given: Sequence[Any] = ()
) -> ProcessPoolExecutor:
    """A pool of new processes, which an interrupt at the terminal does not reach.

    Parameters
    ----------
    begin, given
        Called in each process with ``given`` before its first task.
    """
    # Not forked: this process has threads of Arrow and numba, whose locks a fork would copy.
    start = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, start, _begin, (begin, tuple(given)))


def _begin(begin: Callable[..., object] | None, given: tuple[Any, ...]) -> None:
    # An interrupt at the terminal reaches each process; the command alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_command, daemon=True).start()
    if begin is not None:
        begin(*given)


def _end_with_command() -> None:
    """A process whose command was killed would wait for its next task for ever."""
    command = multiprocessing.parent_process()
    assert command is not None, "this runs in a process of a pool"
    command.join()
    os._exit(1)


def run_and_end_all(command: Sequence[str], *, timeout: float, **given: Any) -> int:
    """Run a program; when it has ended, so has every process that it started. Its exit code.

    It has a session of its own, which ends as a whole. On Linux what left that session is found
    too: an orphan becomes a child of this process, for as long as the program runs.

    Parameters
    ----------
    timeout
        In seconds.
    given
        For `subprocess.Popen`.

    Raises
    ------
    subprocess.TimeoutExpired
        It did not end in time, and was ended.
    """
    with _adopting_orphans() as orphans:
        started = subprocess.Popen(command, start_new_session=True, **given)
        try:
            return started.wait(timeout)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            # The children of one that is ended become ours, and are ended next.
            while children := orphans():
                for process in children:
                    with suppress(ProcessLookupError, ChildProcessError):
                        os.kill(process, signal.SIGKILL)
                        os.waitpid(process, 0)


_SUBREAPER, _IS_SUBREAPER = 36, 37
"""Of prctl(2)."""


@contextmanager
def _adopting_orphans() -> Iterator[Callable[[], set[int]]]:
    """Adopt orphaned descendants in the block; gives a function that finds those adopted in it."""
    if sys.platform != "linux":
        yield set
        return
    libc, was, before = ctypes.CDLL(None), ctypes.c_int(), _children()
    libc.prctl(_IS_SUBREAPER, ctypes.byref(was), 0, 0, 0)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield lambda: _children() - before
    finally:
        libc.prctl(_SUBREAPER, was.value, 0, 0, 0)


def _children() -> set[int]:
    """The processes of which this one is the parent, the ended among them."""
    children = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name, in brackets, may hold anything; state and parent follow it.
            _, parent, *_ = status.read_text(errors="replace").rpartition(")")[2].split()
            children |= {int(status.parent.name)} if int(parent) == os.getpid() else set()
    return children


@contextmanager
def set_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs, for programs and libraries that it starts.

    Afterwards each is as it was before, or not there.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def system_allocator() -> Iterator[None]:
    """Let Arrow take memory from the system inside the block, and give it back at once.

    Its own allocator keeps what was freed: tens of megabytes a thread, and of a table of many rows
    half as much again as is held.
    """
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of mallopt(3)."""


@cache
def keep_freed_memory() -> None:
    """Let arrays take the memory of those before them, where the C library is GNU's.

    It gives large arrays back to the system, which clears each page before it is used again: for
    the columns of one batch after the other, a tenth of what a row costs.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(_TRIM_THRESHOLD, 1 << 30)
        set_option(_MMAP_THRESHOLD, 32 << 20)  # the most that it takes


# --------- what killed commands left: temporary files and folders that nobody will delete otherwise

KEPT_SECONDS = 86_400
"""What is younger may belong to a command that runs."""


def delete_abandoned(folder: Path, pattern: str = "*") -> None:
    """Delete files and folders in a folder, which need not exist, that are older than a day."""
    for left in folder.glob(pattern):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime < KEPT_SECONDS:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
