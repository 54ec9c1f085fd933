"""What people read: lines and tables on standard output; progress and messages on the other."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, Union

from assay.project.text import escape_controls

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

Line: TypeAlias = Union[str, "RenderableType"]
"""One line of text, printed unwrapped, or a rich renderable such as a table."""

WIDTH = 120
"""Columns without a terminal: enough for every table, so that a log cuts none."""


def console() -> Console:
    """A rich console on standard output, as wide as the terminal or COLUMNS; else `WIDTH`.

    Brackets in the text, which may be data, are no styles.
    """
    from rich.console import Console

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else WIDTH, markup=False)


def print_lines(lines: Iterable[Line]) -> None:
    """Print each line on standard output; brackets in them are no styles, and nothing acts."""
    for line in lines:
        if isinstance(line, str):
            print(escape_controls(line))
        else:
            console().print(_Visible(line))


def wrapped(text: str) -> RenderableType:
    """A line that is as wide as the terminal and goes on below."""
    from rich.text import Text

    return Text(text)


def markdown(text: str) -> RenderableType:
    """Markdown as a terminal shows it; no letter of a long word in a table is lost."""
    from rich.markdown import Markdown, TableElement
    from rich.table import Table

    class Folded(TableElement):
        def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
            for table in super().__rich_console__(console, options):
                assert isinstance(table, Table)
                for column in table.columns:
                    column.overflow = "fold"
                yield table

    class Shown(Markdown):
        elements: ClassVar = {**Markdown.elements, "table_open": Folded}

    return Shown(text)


class _Visible:
    """A renderable whose text has its control characters escaped: the styles are rich's own."""

    def __init__(self, shown: RenderableType) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for part in console.render(self._shown, options):
            # What rich writes by itself, as to move the cursor, has no text of others.
            text = part.text if part.control else escape_controls(part.text, keep="\n")
            yield part._replace(text=text)


@contextmanager
def said_on_standard_error() -> Iterator[None]:
    """Let what other code prints go to standard error in the block, also what it prints from C.

    Standard output is the command's own, a JSON document perhaps.
    """
    if sys.stdout is None or sys.stderr is None:  # closed by who started the command
        yield
        return
    ours = sys.stdout
    ours.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        # What a program that calls the command line captures is in no file descriptor.
        with redirect_stdout(sys.stderr):
            yield
    finally:
        ours.flush()
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """Print what Assay's own code logs while the block runs; warnings of others are escaped.

    The logging configuration is restored at the end, for programs that call the command line.
    """
    logger, handler = logging.getLogger("assay"), _Bare()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # Handlers on the root logger would print it a second time.
    logger.propagate = False
    formatted = warnings.formatwarning

    def escaped(message: Warning | str, *given: Any, **named: Any) -> str:
        return formatted(escape_controls(str(message)), *given, **named)

    warnings.formatwarning = escaped
    try:
        yield
    finally:
        warnings.formatwarning = formatted
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _Bare(logging.Handler):
    """Prints the message alone, on the current standard error, which tests replace."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # Warnings have the same prefix as errors.
            warns = "assay: " if record.levelno >= logging.WARNING else ""
            print(warns + escape_controls(record.getMessage()), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)
