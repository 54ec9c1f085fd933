"""Ctrl-C: one line, whatever other libraries would say of it, and nothing published after it.

Python turns the signal into a KeyboardInterrupt in the main thread, wherever that is. Inside
py4j that becomes other errors, lines on standard error from several threads, or nothing at all
when it hits a finalizer. So the signal itself is written down: it decides how the command ends,
and a run asks once more before it shows anything to readers.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from assay.errors import INTERRUPTED

_seen = False


@contextmanager
def heeded() -> Iterator[None]:
    """Take interrupts while the block runs, unless somebody chose to ignore or handle them.

    The first one says so and raises KeyboardInterrupt. Nothing is said on standard error after
    it by anybody, also not by what ends with the interpreter. The second one ends the process
    at once, for those who do not want to wait for Spark.
    """
    global _seen
    _seen = False
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # nohup, a test, a program that called us
        return
    signal.signal(signal.SIGINT, _interrupted)
    try:
        yield
    finally:
        if not _seen:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def seen() -> bool:
    """Whether there was an interrupt, even if what it raised got lost."""
    return _seen


def check() -> None:
    """Raise KeyboardInterrupt if there was an interrupt: called before anything becomes visible."""
    if _seen:
        raise KeyboardInterrupt


def tell() -> None:
    """The one line."""
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{clear}assay: interrupted", file=sys.stderr, flush=True)


def _interrupted(number: int, frame: FrameType | None) -> None:
    global _seen
    if _seen:
        os._exit(INTERRUPTED)
    _seen = True
    tell()
    # The descriptor, not sys.stderr: what C code, threads and children write there goes too.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    raise KeyboardInterrupt
