"""Runs the contract's own code with a timeout and intercepts process exits.

A contract is Python code that runs unattended every night. A check that calls ``os._exit(0)`` would
end the night silently and with success, and an endless loop would block it for ever. So the code
runs in a separate daemon thread, which is abandoned on timeout, and in which ``os._exit`` raises an
exception instead. Other ways to kill the process (a signal, native code) are not intercepted.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

AT_LOAD = 60.0
"""Timeout in seconds for executing the contract file, and for a check of an empty table."""
ON_ROWS = 300.0
"""Timeout in seconds for one check of one batch of rows."""


class ContractCodeStopped(Exception):
    """The code tried to exit the process, or timed out.

    ``stack`` is the call stack at that moment, the innermost call last.
    """

    def __init__(self, what: str, stack: traceback.StackSummary) -> None:
        super().__init__(what)
        self.stack = stack


def run_guarded(work: Callable[[], Value], seconds: float) -> Value:
    """Runs ``work`` in a guarded thread and returns its result; exceptions are passed on.

    Parameters
    ----------
    seconds
        The timeout.

    Raises
    ------
    Stopped
        It timed out, or called ``sys.exit``, ``os._exit`` or the like.
    """
    _watch_exits()
    done = _Work(work)
    done.start()
    done.join(seconds)
    if done.is_alive():
        # A thread cannot be killed; being a daemon, it does not keep the process alive.
        frame = sys._current_frames().get(done.ident or 0)
        stack = traceback.extract_stack(frame) if frame else traceback.StackSummary()
        raise ContractCodeStopped(f"no answer in {seconds:g} s", stack)
    if done.error is None:
        return done.value
    if isinstance(done.error, Exception):
        raise done.error
    stack = traceback.extract_tb(done.error.__traceback__)
    raise ContractCodeStopped(_ending(done.error), stack) from None


def traceback_line(error: ContractCodeStopped, file: str) -> int | None:
    """The innermost line of ``file`` on the error's stack; None if the file is not on it."""
    lines = [frame.lineno for frame in error.stack if frame.filename == file]
    return lines[-1] if lines else None


class _Exit(BaseException):
    """Raised in place of ``os._exit``; ``except Exception`` in a contract does not catch it."""


class _Work(threading.Thread, Generic[Value]):
    value: Value
    error: BaseException | None = None

    def __init__(self, work: Callable[[], Value]) -> None:
        super().__init__(name="contract", daemon=True)
        # Context variables of the caller, such as numpy's error state, apply here too.
        self._context = contextvars.copy_context()
        self._work = work

    def run(self) -> None:
        _here.guarded = True
        try:
            self.value = self._context.run(self._work)
        except BaseException as error:
            self.error = error


def _ending(error: BaseException) -> str:
    if isinstance(error, _Exit):
        return f"it calls os._exit({error})"
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({'' if error.code is None else repr(error.code)})"
    return f"it raises {type(error).__name__}"


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
        raise _Exit(status)
    _exit(status)


def _forget() -> None:
    _here.guarded = False
