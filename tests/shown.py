"""What a command's answer looks like, for tests that call the command with parameters in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from assay.cli import terminal
from assay.cli.terminal import Line
from assay.errors import AssayError

T = TypeVar("T")


def shown(
    lines: Callable[[T], Iterable[Line]], run: Callable[..., T], *given: Any, **more: Any
) -> T:
    """Call a command and print its answer for people, also where it refuses after its work."""
    try:
        found = run(*given, **more)
    except AssayError as error:
        if error.report is not None:
            terminal.print_lines(lines(cast(T, error.report)))
        raise
    terminal.print_lines(lines(found))
    return found
