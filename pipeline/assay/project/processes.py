"""Processes that this command starts: they end with it, and have the variables that it sets."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any


def own_cores() -> int:
    """The number of cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


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
