"""Progress of a command, with the estimated time left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

SELDOM = 10.0
"""Seconds between two progress lines."""


class Progress:
    """An occasional line in the log.

    Parameters
    ----------
    steps
        Number of steps of about equal length.
    clock
        Seconds, increasing.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps, self._clock = steps, clock
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
            if now - self._last < SELDOM:
                return
            self._last = now
            share = done / parts if parts else 0.0
            self.say(f"{text}: {done} of {parts} tasks{self._left(share)}")

        return show

    def done(self) -> None:
        """End a step."""
        self._done += 1

    def say(self, text: str) -> None:
        """Log a line."""
        _log.info("%s", text)

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
