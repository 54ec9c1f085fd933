"""Runs the contract's own code with a timeout and intercepts process exits.

A contract is Python code that runs unattended every night. A check that calls ``os._exit(0)`` would
end the night silently and with success, and an endless loop would block it for ever. So the code
runs in a separate daemon thread, which is abandoned on timeout, and in which ``os._exit`` raises an
exception instead. Other ways to kill the process (a signal, native code) are not intercepted.

Each thread that has code to run keeps its guarded one: to start a thread for every check of every
batch would cost a night in threads a tenth of its speed.
"""

from __future__ import annotations

import contextvars
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

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
    ContractCodeStopped
        It timed out, or called ``sys.exit``, ``os._exit`` or the like.
    """
    _watch_exits()
    guarded: _Guarded | None = getattr(_here, "thread", None)
    if guarded is None:
        guarded = _here.thread = _Guarded()
    # Context variables of the caller, such as numpy's error state, apply here too.
    guarded.asked.put(partial(contextvars.copy_context().run, work))
    try:
        value, error = guarded.answered.get(timeout=seconds)
    except queue.Empty:
        # A thread cannot be killed; being a daemon, it does not keep the process alive.
        _here.thread = None
        frame = sys._current_frames().get(guarded.ident or 0)
        stack = traceback.extract_stack(frame) if frame else traceback.StackSummary()
        raise ContractCodeStopped(f"no answer in {seconds:g} s", stack) from None
    except BaseException:
        _here.thread = None  # interrupted: its answer would be taken for that of the next
        raise
    if error is None:
        answer: Value = value
        return answer
    if isinstance(error, Exception):
        raise error
    stack = traceback.extract_tb(error.__traceback__)
    raise ContractCodeStopped(_ending(error), stack) from None


def traceback_line(error: ContractCodeStopped, file: str) -> int | None:
    """The innermost line of ``file`` on the error's stack; None if the file is not on it."""
    lines = [frame.lineno for frame in error.stack if frame.filename == file]
    return lines[-1] if lines else None


class _Exit(BaseException):
    """Raised in place of ``os._exit``; ``except Exception`` in a contract does not catch it."""


class _Guarded:
    """A guarded thread, which ends with the one that keeps it."""

    def __init__(self) -> None:
        self.asked: _Questions = queue.SimpleQueue()
        self.answered: _Answers = queue.SimpleQueue()
        # It must not hold `self`, which would never be let go.
        thread = threading.Thread(
            target=_answer, args=(self.asked, self.answered), name="contract", daemon=True
        )
        thread.start()
        self.ident = thread.ident

    def __del__(self) -> None:
        self.asked.put(None)


_Questions: TypeAlias = "queue.SimpleQueue[Callable[[], Any] | None]"
_Answers: TypeAlias = "queue.SimpleQueue[tuple[Any, BaseException | None]]"


def _answer(asked: _Questions, answered: _Answers) -> None:
    _here.guarded = True
    while (work := asked.get()) is not None:
        try:
            value, error = work(), None
        except BaseException as raised:
            value, error = None, raised
        answered.put((value, error))
        # Nothing of a batch is kept until the next.
        del work, value, error


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
    _here.guarded, _here.thread = False, None
