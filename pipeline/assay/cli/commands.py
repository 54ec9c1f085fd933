"""Add subcommands, and call the function that each one runs.

Functions are imported when their command runs, so no command waits for another one's imports.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from assay.cli import terminal
from assay.cli.progress import end_progress_lines
from assay.cli.terminal import Line
from assay.errors import DataError, RetrainAdvised, RunError, StoreError, UsageError
from assay.errors.base import attached_report
from assay.project.text.quoting import escape_controls

if TYPE_CHECKING:
    from assay.project.document import Report

T = TypeVar("T")

Command = Callable[[argparse.Namespace], Any]


class CommandBuilder:
    """Adds subcommands that all have an example, ``--root`` and ``--json``.

    With ``beneath``, for commands below one that takes these options itself, the options may stand
    before or after the name.
    """

    def __init__(self, commands: Any, beneath: bool = False) -> None:
        self._commands = commands
        self._beneath = beneath
        self.names: list[str] = []
        self.known: Mapping[str, Any] = commands.choices
        """By its name, each command beside these ones; also those that are added later."""

    def __call__(self, name: str, help: str, example: str, run: Command) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = self._commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"Example: {example}",
        )
        # A default here would override an option given before the name.
        folder, flag = (argparse.SUPPRESS,) * 2 if self._beneath else (Path(), False)
        sub.add_argument("--root", type=Path, default=folder, help="the project's folder (here)")
        sub.add_argument(
            "--json",
            action="store_true",
            default=flag,
            help="print one JSON document instead, of an error too",
        )
        sub.set_defaults(command=run, name=name, printed=False, parser=sub)
        self.names.append(name)
        return sub

    def parse(self, name: str, options: Sequence[str]) -> argparse.Namespace:
        """The options of another command, as if they were typed; its function is ``command``."""
        found: argparse.Namespace = self._commands.choices[name].parse_args(options)
        return found

    def group(self, name: str, help: str, example: str) -> CommandBuilder:
        """Add a command that has subcommands of its own."""
        sub = self._commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"Example: {example}",
        )
        self.names.append(name)
        sub.set_defaults(parser=sub)
        return CommandBuilder(sub.add_subparsers(title="commands", metavar="COMMAND"))


def run_command(
    run: Callable[..., T],
    given: argparse.Namespace,
    *rest: Any,
    lines: Callable[[T], Iterable[Line]],
    document: Callable[[T], str],
    **more: Any,
) -> T:
    """Run a command's function with the project's root and parameters, and print its result.

    A partial result that comes with an error or an interrupt is printed too: a verdict that is not
    PASS, or the nights before the one that failed (`assay.errors.base.attached_report`).

    Parameters
    ----------
    run
        Takes the root, the parameters, ``rest`` and ``more``. Prints nothing.
    lines
        Formats the result for people.
    document
        Formats the result as one JSON document, for ``--json``.
    """
    from assay.project.params import load

    root = given.root.resolve()
    try:
        try:
            with own_code_apart(given):
                found = run(root, load(root), *rest, **more)
        finally:
            end_progress_lines()
    except BaseException as error:
        if (report := attached_report(error)) is not None:
            print_result(cast(T, report), given, lines, document)
        raise
    print_result(found, given, lines, document)
    return found


def own_code_apart(given: argparse.Namespace) -> AbstractContextManager[None]:
    """With ``--json``, lets what the project's own code prints in the block go to standard error.

    Otherwise it may stand between the lines for people.
    """
    return terminal.said_on_standard_error() if given.json else nullcontext()


def print_result(
    found: T,
    given: argparse.Namespace,
    lines: Callable[[T], Iterable[Line]],
    document: Callable[[T], str],
) -> None:
    """Print a command's result, for people or as one JSON document."""
    given.printed = True
    if given.json:
        # JSON with its control characters escaped is the same document.
        print(escape_controls(document(found).rstrip("\n"), keep="\n"), flush=True)
    else:
        terminal.print_lines(lines(found))


class SupportsPlain(Protocol):
    """An object with plain values for JSON."""

    def plain(self) -> dict[str, Any]: ...


def to_json_line(found: SupportsPlain) -> str:
    """The result as a JSON document on one line, for programs that read line by line."""
    return json.dumps(found.plain())


def to_indented_json(found: SupportsPlain) -> str:
    """The result as an indented JSON document, as in reports."""
    from assay.project import jsonfile

    return jsonfile.dumps(found.plain())


def to_report_text(found: Report) -> str:
    """The content of the stage's output file."""
    return found.text()


@contextmanager
def refresh_front_page(given: argparse.Namespace, after: bool = True) -> Iterator[None]:
    """Write the front page after the block, so that what is new in it shows at once.

    Parameters
    ----------
    after
        False if the command writes it by itself, unless it fails.
    """
    try:
        yield
    except (DataError, RunError, RetrainAdvised) as error:
        if not isinstance(error, StoreError):
            _front(given)
        raise
    if after:
        _front(given)


def _front(given: argparse.Namespace) -> None:
    from assay.monitor.front.command import try_run
    from assay.project.params import load

    root = given.root.resolve()
    with own_code_apart(given):
        try_run(root, load(root))


def add_night_options(command: argparse.ArgumentParser, one: str) -> None:
    """Add options for one night, or for the first and last of several; see `parse_night_range`."""
    command.add_argument("--date", metavar="DAY", help=one)
    command.add_argument("--from", dest="first", metavar="DAY", help="the first of several nights")
    command.add_argument("--to", dest="last", metavar="DAY", help="the last of them")


def parse_night_range(given: argparse.Namespace, others: str = "") -> tuple[str, str]:
    """The first and the last night that ``--date`` or ``--from`` and ``--to`` name.

    Parameters
    ----------
    others
        Other ways to name nights, for the error.

    Raises
    ------
    UsageError
        Not exactly one of the two forms is given.
    """
    one, first, last = given.date, given.first, given.last
    if (one is None) == (first is None and last is None) or (first is None) != (last is None):
        raise UsageError(
            "say which nights",
            where=f"assay {given.name}",
            expected=f"--date DAY, or --from DAY --to DAY{others}",
        )
    return one or first, one or last


def positive_number(text: str) -> int:
    """The type of an option that is a whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found '{text}'")
    return int(text)
