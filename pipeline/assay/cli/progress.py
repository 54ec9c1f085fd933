"""The line that changes on a terminal while a command works."""

from __future__ import annotations

import sys

_CLEAR = "\r\x1b[K"


class ChangingLine:
    """On standard error; what is said in between gets a line of its own."""

    live = True

    def __init__(self) -> None:
        self._open = False

    def change(self, line: str) -> None:
        print(f"{_CLEAR}{line}", end="", file=sys.stderr, flush=True)
        self._open = True

    def say(self, text: str) -> None:
        if self._open:
            print(_CLEAR, end="", file=sys.stderr)
            self._open = False
        print(text, file=sys.stderr, flush=True)


def watched() -> ChangingLine | None:
    """A line that changes if somebody watches it; in a log, remarks are enough."""
    return ChangingLine() if sys.stderr.isatty() else None
