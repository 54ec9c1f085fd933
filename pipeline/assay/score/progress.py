"""How far a command is and how long it still takes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger(__name__)

SELDOM = 10.0
"""Seconds between two lines where nobody watches them change: in a log."""


class Sink(Protocol):
    """Where lines about progress go."""

    live: bool
    """Whether somebody watches a line change."""

    def change(self, line: str) -> None:
        """In place of the line that changed last."""

    def say(self, text: str) -> None:
        """A line of its own."""


class Logged:
    """Every line is a record of its own."""

    live = False

    def change(self, line: str) -> None:
        self.say(line)

    def say(self, text: str) -> None:
        _log.info("%s", text)


class Progress:
    """One line that changes where somebody watches it, a line now and then in a log.

    Parameters
    ----------
    steps
        How many steps of about equal length there are.
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
        self._sink: Sink = Logged() if sink is None else sink
        self._started = clock()
        self._done = 0
        self._last = clock()

    def step(self, text: str) -> None:
        """A step begins."""
        self.say(f"{text}{self._left(0.0)}")

    def within(self, text: str) -> Callable[[int, int], None]:
        """From parts done and parts in all to a line about the step that is running."""

        def show(done: int, parts: int) -> None:
            now = self._clock()
            if not self._sink.live and now - self._last < SELDOM:
                return
            self._last = now
            share = done / parts if parts else 0.0
            self._sink.change(f"{text}: {done} of {parts} tasks{self._left(share)}")

        return show

    def done(self) -> None:
        """A step has ended."""
        self._done += 1

    def say(self, text: str) -> None:
        """A line of its own."""
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
