"""A command is one record: what the help says of it, and the function that it runs.

Its options are the parameters of that function::

    @command("release", "publish a held run", "assay release RUN --because 'a holiday'")
    def release(call: Call, run: Annotated[str, Option("as assay score named it")]) -> object:

A parameter that is not keyword-only is an argument, a keyword-only one an option; one without a
default is required. The functions import what they call, so that `assay --help` is fast.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin

from assay.cli import terminal
from assay.cli.terminal import Line
from assay.errors import DataError, RetrainAdvised, RunError, StoreError, UsageError
from assay.errors.base import attached_report
from assay.project.text import escape_controls

if TYPE_CHECKING:
    from assay.project.params import Params

Handler = TypeVar("Handler", bound=Callable[..., object])


@dataclass(frozen=True)
class Option:
    """The annotation of a parameter: what the help says of it, and how its text is read.

    Attributes
    ----------
    metavar
        What stands for the value in the help; by default the parameter's name.
    flag
        The option, where the parameter has another name.
    parse
        Reads the value, where it is not simply of the parameter's type.
    bare
        The value of the option without one; None if it needs one.
    """

    help: str
    metavar: str | None = None
    flag: str | None = None
    parse: Callable[[str], object] | None = None
    bare: str | None = None


@dataclass(frozen=True)
class Command:
    """A command, or with ``run`` None only the name that others stand below.

    Attributes
    ----------
    name
        As it is typed, such as ``quarantine show``.
    run
        Takes a `Call` and the options. Returns the result or raises; prints nothing.
    keys
        What people see of the result's document, as `assay.cli.result.lines` reads it; all of it
        if empty.
    words
        Instead: the function of `assay.cli.show` that makes lines of a result, such as
        ``start.start_lines``, where a table will not do. Besides the result it may ask for
        options of the command, by their names, and for ``root``.
    front
        Write the front page afterwards.
    serves
        It shows its result by itself and goes on, and may print at any time.
    """

    name: str
    help: str
    example: str
    run: Callable[..., object] | None
    keys: str = ""
    words: str = ""
    front: bool = False
    serves: bool = False

    def lines(self, result: Any, options: Mapping[str, Any]) -> Iterable[Line]:
        """A result for people."""
        if not self.words:
            from assay.cli.result import lines, to_tree

            return lines(to_tree(result), self.keys)
        module, _, name = self.words.partition(".")
        words = getattr(importlib.import_module(f"assay.cli.show.{module}"), name)
        asked = inspect.signature(words).parameters.keys() & options.keys()
        shown: Iterable[Line] = words(result, **{each: options[each] for each in asked})
        return shown


class Group:
    """The commands under one title of the help, in their order; as a decorator it adds one."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.commands: list[Command] = []

    def __call__(
        self,
        name: str,
        help: str,
        example: str = "",
        *,
        keys: str = "",
        words: str = "",
        front: bool = False,
        serves: bool = False,
    ) -> Callable[[Handler], Handler]:
        def add(run: Handler) -> Handler:
            typed = example or f"assay {name}"
            self.commands.append(Command(name, help, typed, run, keys, words, front, serves))
            return run

        return add

    def parent(self, name: str, help: str, example: str) -> None:
        """Add a name that only has commands below it."""
        self.commands.append(Command(name, help, example, None))


class Call:
    """One call of a command: its project, and how its result is shown.

    Attributes
    ----------
    json
        Results are printed as one JSON document.
    printed
        Whether a result was.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.command: Command = arguments.command
        self.arguments = arguments
        self.json: bool = arguments.json
        self.printed = False

    @cached_property
    def root(self) -> Path:
        """The project's folder."""
        root: Path = self.arguments.root.resolve()
        return root

    @cached_property
    def project(self) -> tuple[Path, Params]:
        """The project's root and its parameters, read once."""
        from assay.contract.private_columns import keep_private
        from assay.project.params import load

        params = load(self.root)
        keep_private(self.root, params)
        return self.root, params

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """By the name of the handler's parameter."""
        assert self.command.run is not None
        _, *names = inspect.signature(self.command.run).parameters
        return {name: getattr(self.arguments, name) for name in names}

    @property
    def parser(self) -> Any:
        """The one of the whole command line; ``known`` are the names of its commands."""
        return self.arguments.top

    @property
    def names(self) -> list[str]:
        """What can stand after ``assay``, such as ``stage`` and ``stage train``."""
        return list(self.parser.known)

    def another(self, typed: Sequence[str]) -> Call:
        """The call of another command on the same project, as if it was typed."""
        common = ["--root", str(self.arguments.root), *(["--json"] if self.json else [])]
        return Call(self.parser.parse_args([*typed, *common]))

    def perform(self) -> None:
        """Run the command and show its result.

        A partial result that comes with an error or an interrupt is shown too: a verdict that is
        not PASS, or the nights before the one that failed (`assay.errors.base.attached_report`).
        """
        assert self.command.run is not None
        try:
            with (
                self.front_page() if self.command.front else nullcontext(),
                nullcontext() if self.command.serves else self.own_code_apart(),
            ):
                result = self.command.run(self, **self.options)
        except BaseException as error:
            if (report := attached_report(error)) is not None:
                self.show(report)
            raise
        if result is not None:
            self.show(result)

    def show(self, result: Any) -> None:
        """Print a result, for people or as one JSON document."""
        from assay.cli.result import to_json

        self.printed = True
        if self.json:
            # JSON with its control characters escaped is the same document.
            print(escape_controls(to_json(result).rstrip("\n"), keep="\n"), flush=True)
        else:
            terminal.print_lines(self.command.lines(result, {**self.options, "root": self.root}))

    def own_code_apart(self) -> AbstractContextManager[None]:
        """With ``--json``, lets what the project's own code prints go to standard error.

        Otherwise it may stand between the lines for people.
        """
        return terminal.said_on_standard_error() if self.json else nullcontext()

    @contextmanager
    def front_page(self, after: bool = True) -> Iterator[None]:
        """Write the front page after the block, so that what is new in it shows at once.

        Parameters
        ----------
        after
            False if the block writes it by itself, unless it fails.
        """
        try:
            yield
        except (DataError, RunError, RetrainAdvised) as error:
            if not isinstance(error, StoreError):
                self._write_front_page()
            raise
        if after:
            self._write_front_page()

    def _write_front_page(self) -> None:
        from assay.monitor.front.command import try_run

        with self.own_code_apart():
            try_run(*self.project)


def add_options(parser: argparse.ArgumentParser, command: Command, inner: bool = False) -> None:
    """Add the command's options to its parser, and those that every command has.

    Parameters
    ----------
    inner
        The command above takes the common options too, before this one's name.
    """
    # A default here would override an option given before the name.
    folder, flag = (argparse.SUPPRESS,) * 2 if inner else (Path(), False)
    parser.add_argument("--root", type=Path, default=folder, help="the project's folder (here)")
    parser.add_argument(
        "--json",
        action="store_true",
        default=flag,
        help="print one JSON document instead, of an error too",
    )
    assert command.run is not None
    _, *parameters = inspect.signature(command.run, eval_str=True).parameters.values()
    for each in parameters:
        kind, option = get_args(each.annotation)
        _add_option(parser, each, kind, option)


def _add_option(
    parser: argparse.ArgumentParser, parameter: inspect.Parameter, kind: Any, option: Option
) -> None:
    optional = parameter.default is not parameter.empty
    named: dict[str, Any] = {"help": option.help}
    if optional:
        named["default"] = parameter.default
    (kind,) = [each for each in _alternatives(kind) if each is not type(None)]
    if kind is bool:
        named["action"] = "store_true"
    else:
        named |= {"metavar": option.metavar, **_reading(kind, option)}
    if option.bare is not None:
        named |= {"nargs": "?", "const": option.bare}
    if parameter.kind is not parameter.KEYWORD_ONLY:
        parser.add_argument(parameter.name, nargs="?" if optional else None, **named)
        return
    flag = option.flag or "--" + parameter.name.replace("_", "-")
    parser.add_argument(flag, dest=parameter.name, required=not optional, **named)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """The members of a union; the type itself if it is none."""
    return (kind,) if get_origin(kind) in (None, Literal, Sequence) else get_args(kind)


def _reading(kind: Any, option: Option) -> Mapping[str, Any]:
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind)}
    if get_origin(kind) is Sequence:
        return {"action": "append", "default": [], "type": option.parse or get_args(kind)[0]}
    return {"type": option.parse or kind}


def positive_number(text: str) -> int:
    """The type of an option that is a whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found '{text}'")
    return int(text)


def distance(text: str) -> float:
    """The type of an option that is a finite number from 0 on."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number from 0 on, found '{text}'")
    return value


First = Annotated[str | None, Option("the first of several nights", "DAY", "--from")]
Last = Annotated[str | None, Option("the last of them", "DAY", "--to")]
Newest = Annotated[
    int | None,
    Option(
        "instead: the newest N published nights, as a schedule wants it",
        "N",
        "--last-nights",
        positive_number,
    ),
]
Published = Annotated[str, Option("a published night", "DAY")]
ShowPrivate = Annotated[
    str | None, Option("do not mask what is private, and why: who asks is put on record", "WHY")
]
Because = Annotated[str, Option("kept for good", "WHY")]
Stage = Annotated[str | None, Option("another stage than registry.stage in params.yaml")]
Push = Annotated[bool, Option("then push the tags to origin")]


def night_range(
    call: Call, date: str | None, first: str | None, last: str | None, others: str = ""
) -> tuple[str, str]:
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
    if (date is None) == (first is None and last is None) or (first is None) != (last is None):
        raise UsageError(
            "say which nights",
            where=f"assay {call.command.name}",
            expected=f"--date DAY, or --from DAY --to DAY{others}",
        )
    return date or first or "", date or last or ""


def night_range_or_newest(
    call: Call, date: str | None, first: str | None, last: str | None, newest: int | None
) -> tuple[str, str]:
    """As `night_range`, or the first and the last of the ``newest`` published nights."""
    if newest is None:
        return night_range(call, date, first, last)
    if (date, first, last) != (None, None, None):
        raise UsageError(
            "say which nights once",
            where=f"assay {call.command.name}",
            expected="--last-nights N, or --date DAY, or --from DAY --to DAY",
        )
    from assay.monitor.nights.history import newest_nights

    return newest_nights(*call.project, newest)


def write_step_output(name: str, value: str) -> None:
    """Set an output for the steps after this one in GitHub Actions; nothing elsewhere.

    Only for words of our own: a value with a line's end could set further outputs.
    """
    if "\n" in value or "\r" in value:
        raise ValueError(f"the output {name} has more than one line")
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(f"{name}={value}\n")
