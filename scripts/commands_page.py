"""`python -m scripts.commands_page`: write docs/commands.md, every command with its options.

It is what `--help` says, in one page; a test holds the page to it (tests/cli).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from assay.cli.__main__ import GROUPS, build_parser

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
OF_ALL = ("-h", "--root", "--json")
"""Options that every command has."""

HEAD = """# Commands

What `assay COMMAND --help` says of each, written by `python -m scripts.commands_page`. Each command
also takes `--root FOLDER` (the project's, by default the current folder) and `--json` (one JSON
document instead of tables, of an error too).
"""


def page() -> str:
    """The page as Markdown."""
    parser = build_parser()
    known = _commands(parser)
    lines = [HEAD]
    for title in (group.title for group in GROUPS):
        lines += [f"## {title[0].upper()}{title[1:]}", ""]
        for name in parser.groups[title]:
            lines += _described(known[name], f"assay {name}")
    return "\n".join(lines).rstrip() + "\n"


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands right below a parser, by name."""
    return {
        name: command
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, command in action.choices.items()
    }


def _described(command: argparse.ArgumentParser, name: str) -> Iterator[str]:
    below = _commands(command)
    yield from (f"### `{name}`", "", _text(command.description or ""), "")
    if (command.epilog or "").partition(": ")[2] != name:
        yield from (f"{command.epilog}".replace("Example: ", "Example: `", 1) + "`", "")
    if options := [option for option in map(_option, command._actions) if option]:
        yield from (*options, "")
    for each, beneath in below.items():
        yield from _described(beneath, f"{name} {each}")


def _option(action: argparse.Action) -> str:
    """A line of the list; empty for what every command has, and for commands."""
    names = action.option_strings
    if isinstance(action, argparse._SubParsersAction) or set(names) & set(OF_ALL):
        return ""
    shown = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices is not None:
        shown = ", ".join(map(str, action.choices))
    told = f"{names[-1]} {shown}" if names and action.nargs != 0 else (names or [shown])[-1]
    needed = " (required)" if names and action.required else ""
    return f"- `{_text(told)}`: {_text(action.help or '')}{needed}"


def _text(words: str) -> str:
    """On one line, with the signs that argparse doubles."""
    return " ".join(words.replace("%%", "%").split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
