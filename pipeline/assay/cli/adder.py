"""How a subcommand is added, and how it calls the function that it stands for.

Functions are imported when their command runs, so that no command waits for what only others need.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from assay.cli import terminal
from assay.cli.terminal import Line
from assay.errors import DataError, RunError, StoreError, UsageError, done_before

if TYPE_CHECKING:
    from assay.project.document import Report

T = TypeVar("T")

Command = Callable[[argparse.Namespace], Any]


class Adder:
    """Adds subcommands that all have an example, ``--root`` and ``--json``.

    ``beneath`` a command that takes these itself, they may stand before or after the name.
    """

    def __init__(self, commands: Any, beneath: bool = False) -> None:
        self._commands = commands
        self._beneath = beneath
        self.names: list[str] = []

    def __call__(self, name: str, help: str, example: str, run: Command) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = self._commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"Example: {example}",
        )
        # A default here would replace what was given before the name.
        folder, flag = (argparse.SUPPRESS,) * 2 if self._beneath else (Path(), False)
        sub.add_argument("--root", type=Path, default=folder, help="the project's folder (here)")
        sub.add_argument(
            "--json", action="store_true", default=flag, help="print one JSON document instead"
        )
        sub.set_defaults(command=run, name=name)
        self.names.append(name)
        return sub

    def group(self, name: str, help: str) -> Adder:
        """A command that has commands of its own."""
        sub = self._commands.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + "."
        )
        self.names.append(name)
        return Adder(sub.add_subparsers(title="commands", metavar="COMMAND", required=True))


def answer(
    run: Callable[..., T],
    given: argparse.Namespace,
    *rest: Any,
    lines: Callable[[T], Iterable[Line]],
    document: Callable[[T], str],
    **more: Any,
) -> T:
    """Call what a command stands for with the project's root and parameters; show what it returns.

    What was done before a refusal or an interrupt is shown as well: a verdict that is not PASS,
    the nights before the one that failed (`assay.errors.done_before`).

    Parameters
    ----------
    run
        Takes the root, the parameters, ``rest`` and ``more``. Prints nothing.
    lines
        What it returns, for people.
    document
        The same as the text of one JSON document: ``--json``.
    """
    from assay.project.params import load

    root = given.root.resolve()
    try:
        found = run(root, load(root), *rest, **more)
    except BaseException as error:
        if (report := done_before(error)) is not None:
            show(cast(T, report), given, lines, document)
        raise
    show(found, given, lines, document)
    return found


def show(
    found: T,
    given: argparse.Namespace,
    lines: Callable[[T], Iterable[Line]],
    document: Callable[[T], str],
) -> None:
    """Print what a command found, for people or as one JSON document."""
    if given.json:
        print(document(found).rstrip("\n"), flush=True)
    else:
        terminal.show(lines(found))


class Plain(Protocol):
    """What says itself as plain values, for JSON."""

    def plain(self) -> dict[str, Any]: ...


def on_one_line(found: Plain) -> str:
    """The JSON document of what a command returns, as programs read it line by line."""
    return json.dumps(found.plain())


def indented(found: Plain) -> str:
    """The JSON document of what a command returns, as it is written to reports."""
    from assay.project import jsonfile

    return jsonfile.dumps(found.plain())


def as_in_the_file(found: Report) -> str:
    """What the stage left in its file."""
    return found.text()


@contextmanager
def front_after(given: argparse.Namespace) -> Iterator[None]:
    """Then write the front page: a held night and a new champion are on it at once."""
    try:
        yield
    except (DataError, RunError) as error:
        if not isinstance(error, StoreError):
            _front(given)
        raise
    _front(given)


def _front(given: argparse.Namespace) -> None:
    from assay.monitor.front.command import keep_up
    from assay.project.params import load

    root = given.root.resolve()
    keep_up(root, load(root))


def add_nights(command: argparse.ArgumentParser, one: str) -> None:
    """Let a command take one night, or the first and the last of several; see `nights`."""
    command.add_argument("--date", metavar="DAY", help=one)
    command.add_argument("--from", dest="first", metavar="DAY", help="the first of several nights")
    command.add_argument("--to", dest="last", metavar="DAY", help="the last of them")


def nights(given: argparse.Namespace) -> tuple[str, str]:
    """The first and the last night that ``--date`` or ``--from`` and ``--to`` name."""
    one, first, last = given.date, given.first, given.last
    if (one is None) == (first is None and last is None) or (first is None) != (last is None):
        raise UsageError(
            "say which nights",
            where=f"assay {given.name}",
            expected="--date DAY, or --from DAY --to DAY",
        )
    return one or first, one or last
