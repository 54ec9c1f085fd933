"""Runs the contract's own code so that it cannot end the process.

A contract is Python code that runs unattended every night. A check that calls ``os._exit(0)`` would
end the night silently and with success, so in a thread that runs such code it raises an exception
instead. Other ways to kill the process (a signal, native code) are not intercepted, and code that
never returns is ended by the scheduler's time limit.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")


class ContractCodeStopped(Exception):
    """The code tried to end the process.

    ``stack`` is the call stack at that moment, the innermost call last.
    """

    def __init__(self, what: str, stack: traceback.StackSummary) -> None:
        super().__init__(what)
        self.stack = stack

    def line_in(self, file: str) -> int | None:
        """The innermost line of ``file`` on the stack; None if the file is not on it."""
        lines = [frame.lineno for frame in self.stack if frame.filename == file]
        return lines[-1] if lines else None


def run_guarded(work: Callable[[], Value]) -> Value:
    """Runs ``work`` and returns its result; exceptions are passed on.

    Raises
    ------
    ContractCodeStopped
        It called ``sys.exit``, ``os._exit`` or the like.
    """
    _watch_exits()
    before = getattr(_here, "guarded", False)
    _here.guarded = True
    try:
        return work()
    except (SystemExit, _Exit) as error:
        raise ContractCodeStopped(
            f"it calls {error}"
            if isinstance(error, _Exit)
            else f"it calls sys.exit({'' if error.code is None else repr(error.code)})",
            traceback.extract_tb(error.__traceback__),
        ) from None
    finally:
        _here.guarded = before


class _Exit(BaseException):
    """Raised in place of ``os._exit``; ``except Exception`` in a contract does not catch it."""


_here = threading.local()
_exit = os._exit
_lock = threading.Lock()


def _watch_exits() -> None:
    """Patches ``os._exit`` to raise in guarded threads only."""
    with _lock:
        if os._exit is _exit:
            os._exit = _exit_elsewhere
            # A process forked by guarded code, such as a worker, may exit normally.
            os.register_at_fork(after_in_child=_forget)


def _exit_elsewhere(status: int) -> Any:
    if getattr(_here, "guarded", False):
        raise _Exit(f"os._exit({status})")
    _exit(status)


def _forget() -> None:
    _here.guarded = False
