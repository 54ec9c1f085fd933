"""A progress line on the terminal."""

from __future__ import annotations

import sys

from assay.project.text import escape_controls

_CLEAR = "\r\x1b[K"


class ProgressLine:
    """A line on standard error that is updated in place; messages get lines of their own."""

    live = True

    def __init__(self) -> None:
        self._open = False

    def change(self, line: str) -> None:
        print(f"{_CLEAR}{escape_controls(line)}", end="", file=sys.stderr, flush=True)
        self._open = True

    def say(self, text: str) -> None:
        self.end()
        print(escape_controls(text), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Make room for what is no progress."""
        if self._open:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
            self._open = False


_lines: list[ProgressLine] = []


def make_progress_line() -> ProgressLine | None:
    """A progress line if standard error is a terminal, else None: a log gets messages only."""
    if not sys.stderr.isatty():
        return None
    _lines.append(ProgressLine())
    return _lines[-1]


def end_progress_lines() -> None:
    """Make room for a command's result or error: neither goes on in a line of progress."""
    while _lines:
        _lines.pop().end()
