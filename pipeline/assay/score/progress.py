"""How far a command is and how long it still takes, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

SELDOM = 10.0
"""Seconds between two lines where nobody watches them change: in a log."""


class Progress:
    """One line that changes on a terminal, a line now and then in a log.

    Parameters
    ----------
    steps
        How many steps of about equal length there are.
    clock
        Seconds, increasing.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps, self._clock = steps, clock
        self._started = clock()
        self._done = 0
        self._last = clock()
        self._live = sys.stderr.isatty()
        self._open = False

    def step(self, text: str) -> None:
        """A step begins."""
        self.say(f"{text}{self._left(0.0)}")

    def within(self, text: str) -> Callable[[int, int], None]:
        """From parts done and parts in all to a line about the step that is running."""

        def show(done: int, parts: int) -> None:
            now = self._clock()
            if not self._live and now - self._last < SELDOM:
                return
            self._last = now
            share = done / parts if parts else 0.0
            line = f"{text}: {done} of {parts} tasks{self._left(share)}"
            if self._live:
                print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
                self._open = True
            else:
                self.say(line)

        return show

    def done(self) -> None:
        """A step has ended."""
        self._done += 1

    def say(self, text: str) -> None:
        """A line of its own."""
        if self._open:
            print("\r\x1b[K", end="", file=sys.stderr)
            self._open = False
        print(text, file=sys.stderr, flush=True)

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
