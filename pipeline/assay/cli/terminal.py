"""Output for people: a terminal, or a file or log without a width of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, ClassVar, TypeAlias, Union

from assay.project.text import escape_controls

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

Line: TypeAlias = Union[str, "RenderableType"]
"""One line of text, printed unwrapped, or a rich renderable such as a table."""

WIDTH = 120
"""Columns without a terminal: enough for every table, so that a log cuts none."""


def console(*, markup: bool = True, highlight: bool = True) -> Console:
    """A rich console on standard output, as wide as the terminal or COLUMNS; else `WIDTH`.

    Parameters
    ----------
    markup
        Whether brackets in the text are styles; False for text from data.
    highlight
        Whether numbers and paths are coloured.
    """
    from rich.console import Console

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else WIDTH, markup=markup, highlight=highlight)


def print_lines(lines: Iterable[Line]) -> None:
    """Print each line on standard output; brackets in them are no styles, and nothing acts."""
    for line in lines:
        if isinstance(line, str):
            print(escape_controls(line))
        else:
            console(markup=False).print(_Visible(line))


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
