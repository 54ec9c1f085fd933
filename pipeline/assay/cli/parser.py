"""The whole command line as a parser, which suggests the nearest name for one that is unknown."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from assay.cli import model_commands, night_commands, report_commands, start_commands
from assay.cli.command import add_options
from assay.errors.base import mask_passwords
from assay.project.text import escape_controls

GROUPS = (
    start_commands.BEGIN,
    model_commands.MAKE,
    model_commands.CHOOSE,
    night_commands.SCORE,
    night_commands.CARE,
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
    return top


class _Parser(argparse.ArgumentParser):
    """An argument parser that suggests the nearest name and takes no part of one.

    Passwords in its error messages are masked. Its subcommands do the same.

    Attributes
    ----------
    groups
        Title -> the commands listed below it in the help; empty for a subcommand.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **{**named, "allow_abbrev": False})
        self.groups: dict[str, list[str]] = {}

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
        found, unknown = self.parse_known_args(args, namespace)
        asked = getattr(found, "parser", self)
        if unknown:
            name = unknown[0].partition("=")[0]
            near = _nearest(name, asked._option_string_actions)
            asked.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
        if not hasattr(found, "command"):
            asked.error("a command is missing: --help lists them")
        return found

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, _Commands) and value not in action.choices:
            near = _nearest(value, action.choices) or ": --help lists them"
            raise argparse.ArgumentError(None, f"there is no command '{value}'{near}")
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        super().error(escape_controls(mask_passwords(message)))


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
