"""Processes that this command starts: they end with it, and have the variables that it sets.

They find nothing of the working folder before what is installed: otherwise a ``json.py`` of the
project would be run by whatever imports json.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import site
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
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
