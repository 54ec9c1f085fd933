"""How a command ends: by Ctrl-C, which is one line and publishes nothing, or at once.

Python turns SIGINT into a KeyboardInterrupt in the main thread. Inside py4j this can become
another error, output on standard error from several threads, or nothing at all (in a finalizer).
So the signal itself is recorded. It decides the exit status of the command, and a run checks it
before it publishes.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from assay.errors import INTERRUPTED

_seen = False


@contextmanager
def handle_interrupts() -> Iterator[None]:
    """Handle SIGINT while the block runs, unless it is ignored or already has a handler.

    The first interrupt prints one line and raises KeyboardInterrupt. Standard error is silenced
    from then on, also during interpreter shutdown. The second interrupt ends the process at once,
    without waiting for Spark.
    """
    global _seen
    _seen = False
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # under nohup, in a test, or called by another program
        return
    signal.signal(signal.SIGINT, _interrupted)
    try:
        yield
    finally:
        if not _seen:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def was_interrupted() -> bool:
    """Whether there was an interrupt, even if its exception was swallowed."""
    return _seen


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if there was an interrupt. Called before results are published."""
    if _seen:
        raise KeyboardInterrupt


def print_interrupt() -> None:
    """Print the line about the interrupt."""
    with suppress(OSError):  # closed, or its reader is gone
        clear = "\r\x1b[K" if os.isatty(2) else ""
        # Not by sys.stderr: a signal that comes while a line is written finds it locked.
        os.write(2, f"{clear}assay: interrupted\n".encode())


def _interrupted(number: int, frame: FrameType | None) -> None:
    global _seen
    if _seen:
        os._exit(INTERRUPTED)
    _seen = True
    print_interrupt()
    # The file descriptor, not sys.stderr: this also silences C code, threads and child processes.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    raise KeyboardInterrupt


class Unawaited(threading.Thread):
    """A thread that its process does not wait for at its end, whatever libraries ask meanwhile."""

    def __init__(self, target: Callable[[], object], name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)


def end(code: int) -> NoReturn:
    """End this process with an exit code; at once after an interrupt and beside `Unawaited`.

    Arrow would wait for its requests to S3, which takes a minute and a half if none is answered. An
    interrupt leaves libraries in the middle of their work, and their threads may end the process
    with a signal while Python takes itself apart.
    """
    waits = any(isinstance(thread, Unawaited) for thread in threading.enumerate())
    if waits or code == INTERRUPTED:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    gc.freeze()  # a last look for garbage takes a tenth of a short command, and frees nothing
    sys.exit(code)
