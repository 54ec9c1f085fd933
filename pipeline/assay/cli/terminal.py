"""Where tables for people go: a terminal, or a file or a log that has no width of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Line: TypeAlias = Union[str, "RenderableType"]
"""A text, printed as it is and never wrapped, or what rich lays out: a table."""

WIDTH = 120
"""Columns where there is no terminal: enough for every table, so that a log cuts none."""


def console(*, markup: bool = True, highlight: bool = True) -> Console:
    """Standard output as wide as the terminal, or as COLUMNS says; else always `WIDTH`.

    Parameters
    ----------
    markup
        Whether brackets in what is printed mean styles; not so for what came from data.
    highlight
        Whether numbers and paths are coloured.
    """
    from rich.console import Console

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else WIDTH, markup=markup, highlight=highlight)


def show(lines: Iterable[Line]) -> None:
    """Print each line on standard output; brackets in them are no styles."""
    for line in lines:
        if isinstance(line, str):
            print(line)
        else:
            console(markup=False).print(line)
