"""The ``assay`` command: dispatch to subcommands, and map errors to exit codes.

Heavy modules are imported only when a subcommand needs them, so ``assay --help`` is fast.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from assay.cli import (
    model_commands,
    night_commands,
    report_commands,
    serve_commands,
    start_commands,
    version_commands,
)
from assay.cli.command import Call, add_options
from assay.cli.terminal import log_to_stderr
from assay.errors import INTERRUPTED, UNFORESEEN, AssayError, UsageError
from assay.errors.base import mask_passwords, mask_secrets, set_private
from assay.errors.machine import from_memory_error, from_os_error
from assay.project import interrupts
from assay.project.extras import missing_extra
from assay.project.text import escape_controls

DEBUG = "ASSAY_DEBUG"


def main(argv: Sequence[str] | None = None, *, alone: bool = False) -> int:
    """Run one subcommand and return its exit code; see ``assay.errors`` for the codes.

    Parameters
    ----------
    alone
        The process is the command's own, so what it holds of the project is what Python loaded.
    """
    arguments = build_parser().parse_args(argv)
    set_private(frozenset())  # of another project that was at work in this process
    # No library that Assay calls may send telemetry.
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # Pydantic would look for plugins in every package that is installed, which Assay uses none of.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    with interrupts.handle_interrupts(), log_to_stderr():
        code = _run(Call(arguments), alone)
    return INTERRUPTED if interrupts.was_interrupted() else code


def run_program() -> NoReturn:
    """`main` as a process of its own, which ends with its exit code."""
    # Most of what a short command makes are imported modules, which no collection would free.
    gc.set_threshold(300_000, 20, 20)
    # Libraries start processes too, and none may find the project before what is installed.
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        code = main(alone=True)
        # The work is done and told. An interrupt during teardown would only change the code.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:  # before or after the command itself, where nothing else catches it
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not interrupts.was_interrupted():
            interrupts.print_interrupt()
        code = INTERRUPTED
    interrupts.end(code)


def _run(call: Call, alone: bool) -> int:
    from assay.project.source_code import project_kept_out, refuse_loaded_files

    try:
        _require_folder()
        if alone:
            refuse_loaded_files(call.arguments.root)
        with project_kept_out(call.arguments.root):
            call.perform()
    except AssayError as error:
        if os.environ.get(DEBUG) and error.__cause__ is not None:
            _print_traceback(error.__cause__)
        return _print_error(error, call)
    except KeyboardInterrupt:
        if not interrupts.was_interrupted():
            interrupts.print_interrupt()
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as error:
        # A library in Rust that panics, as without memory, raises something that is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if os.environ.get(DEBUG):
            _print_traceback(error)
        known = from_os_error(error) or from_memory_error(error) or missing_extra(error)
        return _print_error(known or _unforeseen(error), call)
    return 0


def _require_folder() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the folder that this command was started in is gone",
            fix="Change to the project's folder (cd), then run the same command again.",
        ) from None


def _print_traceback(error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    print(escape_controls(text, keep="\n"), end="", file=sys.stderr)


class Unforeseen(AssayError):
    """A bug in Assay."""

    exit_code = UNFORESEEN


def _unforeseen(error: BaseException) -> AssayError:
    text = mask_secrets(str(error))
    return Unforeseen(
        f"unforeseen {type(error).__name__}: {text[:300]}",
        fix=f"This is a bug in Assay; run again with {DEBUG}=1 to see where.",
    )


def _print_error(error: AssayError, call: Call) -> int:
    """Print the error's lines, with ``--json`` also a document of it; returns the exit code.

    A report that came with the error is the one document of its command.
    """
    for line in error.lines():
        print(f"assay: {escape_controls(line)}", file=sys.stderr)
    if call.json and not call.printed:
        print(json.dumps({"error": error.plain()}), flush=True)
    return error.exit_code


# --------------------------------------------------------------------------------------------------
# the whole command line as a parser, which suggests the nearest name for one that is unknown

GROUPS = (
    start_commands.BEGIN,
    model_commands.MAKE,
    version_commands.CHOOSE,
    model_commands.TOGETHER,
    version_commands.PLAN,
    night_commands.SCORE,
    night_commands.CARE,
    serve_commands.SERVE,
    report_commands.SCHEDULE,
    report_commands.LOOK,
    report_commands.FIX,
)
"""In the order of the help."""

_Commands = argparse._SubParsersAction


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(
        prog="assay",
        description="From a table to scores you can trust: train and gate with `dvc repro`, "
        "promote, then score and monitor every night.",
        epilog="Start with: assay init DIR --data TABLE --target COLUMN",
    )
    top.add_argument("--version", action=_Version)
    top.set_defaults(top=top)
    below = {"": top.add_subparsers(title="commands", metavar="COMMAND")}
    parsers = {"": top}
    for group in GROUPS:
        for each in group.commands:
            above, _, name = each.name.rpartition(" ")
            if above not in below:
                below[above] = parsers[above].add_subparsers(title="commands", metavar="COMMAND")
            sub = below[above].add_parser(
                name,
                help=each.help,
                description=each.help[0].upper() + each.help[1:] + ".",
                epilog=f"Example: {each.example}",
            )
            sub.set_defaults(parser=sub)
            if each.run is not None:
                inner = parsers[above].get_default("command") is not None
                add_options(sub, each, inner)
                sub.set_defaults(command=each)
            parsers[each.name] = sub
        top.groups[group.title] = [each.name for each in group.commands if " " not in each.name]
    top.known = [name for name in parsers if name]
    return top


class _Parser(argparse.ArgumentParser):
    """An argument parser that suggests the nearest name and takes no part of one.

    Passwords in its error messages are masked. Its subcommands do the same.

    Attributes
    ----------
    groups
        Title -> the commands listed below it in the help; empty for a subcommand.
    known
        Every command, such as ``stage train``; empty for a subcommand.
    json
        The command line that is parsed asks for JSON.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **{**named, "allow_abbrev": False})
        self.groups: dict[str, list[str]] = {}
        self.known: list[str] = []
        self.json = False

    def format_help(self) -> str:
        """As argparse formats it, with the commands in groups."""
        if not self.groups:
            return super().format_help()
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        (commands,) = (each for each in self._actions if isinstance(each, _Commands))
        shown = {action.dest: action for action in commands._choices_actions}
        for title, names in self.groups.items():
            formatter.start_section(title)
            formatter.add_arguments(shown[name] for name in names)
            formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments(each for each in self._actions if each.option_strings)
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but names what is unknown before what is missing."""
        parsed, unknown = self.parse_known_args(args, namespace)
        asked = getattr(parsed, "parser", self)
        if unknown:
            name = unknown[0].partition("=")[0]
            near = _nearest(name, asked._option_string_actions)
            asked.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
        if not hasattr(parsed, "command"):
            asked.error("a command is missing: --help lists them")
        return parsed

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, _Commands) and value not in action.choices:
            near = _nearest(value, action.choices) or _below(value, action.choices)
            raise argparse.ArgumentError(None, f"there is no command '{value}'{near}")
        super()._check_value(action, value)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, and remembers whether JSON is asked for, for an error's sake."""
        self.json = "--json" in (sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """The usage and the message, with ``--json`` also a document; ends with 2."""
        said = mask_passwords(message)
        if self.json:
            fix = f"Run {self.prog} --help for the options and an example."
            print(json.dumps({"error": UsageError(said, fix=fix).plain()}), flush=True)
        super().error(escape_controls(said))


def _below(name: str, parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    """Where a command of that name is: `train` is `stage train`."""
    for above, parser in parsers.items():
        for action in parser._actions:
            if isinstance(action, _Commands) and name in action.choices:
                return f". Did you mean {above} {name}?"
    return ": --help lists them"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f". Did you mean {near[0]}?" if near else ""


class _Version(argparse.Action):
    """Looks up the version only when it is requested."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and end")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"assay {version('assay')}")
        parser.exit()


if __name__ == "__main__":
    run_program()
