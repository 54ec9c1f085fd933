"""What a command's answer looks like, for tests that call the command with parameters in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from assay.cli import terminal
from assay.cli.__main__ import GROUPS
from assay.errors import AssayError

T = TypeVar("T")


def show(name: str, found: Any) -> None:
    """Print a result of the command of this name as it does for people."""
    (command,) = (each for group in GROUPS for each in group.commands if each.name == name)
    terminal.print_lines(command.lines(found, {}))


def shown(name: str, run: Callable[..., T], *given: Any, **more: Any) -> T:
    """Call a command and print its answer for people, also where it refuses after its work."""
    try:
        found = run(*given, **more)
    except AssayError as error:
        if error.report is not None:
            show(name, error.report)
        raise
    show(name, found)
    return found
