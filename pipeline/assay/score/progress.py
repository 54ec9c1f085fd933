"""Progress of a command, with the estimated time left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger(__name__)

SELDOM = 10.0
"""Seconds between two progress lines in a log."""


class Sink(Protocol):
    """Where progress lines are shown."""

    live: bool
    """Whether a line can be overwritten on a terminal."""

    def change(self, line: str) -> None:
        """Replace the last progress line."""

    def say(self, text: str) -> None:
        """Print a separate line."""


class LogSink:
    """A sink that logs every line."""

    live = False

    def change(self, line: str) -> None:
        self.say(line)

    def say(self, text: str) -> None:
        _log.info("%s", text)


class Progress:
    """A progress line that changes on a terminal, or an occasional line in a log.

    Parameters
    ----------
    steps
        Number of steps of about equal length.
    sink
        By default the log.
    clock
        Seconds, increasing.
    """

    def __init__(
        self,
        steps: int,
        sink: Sink | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps, self._clock = steps, clock
        self._sink: Sink = LogSink() if sink is None else sink
        self._started = clock()
        self._done = 0
        self._last = clock()

    def step(self, text: str) -> None:
        """Start a step."""
        self.say(f"{text}{self._left(0.0)}")

    def task_callback(self, text: str) -> Callable[[int, int], None]:
        """A callback for the current step: takes the number of tasks done, and of all tasks."""

        def show(done: int, parts: int) -> None:
            now = self._clock()
            if not self._sink.live and now - self._last < SELDOM:
                return
            self._last = now
            share = done / parts if parts else 0.0
            self._sink.change(f"{text}: {done} of {parts} tasks{self._left(share)}")

        return show

    def done(self) -> None:
        """End a step."""
        self._done += 1

    def say(self, text: str) -> None:
        """Print a separate line."""
        self._sink.say(text)

    def _left(self, share: float) -> str:
        ended = self._done + share
        if not ended:
            return ""
        seconds = (self._clock() - self._started) / ended * (self._steps - ended)
        return f", about {_duration(seconds)} left" if seconds >= 1 else ""


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return (
        f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
    )
