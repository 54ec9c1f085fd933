"""The ``assay`` command: one subcommand each, errors to exit codes, nothing else.

Nothing heavy is imported before a subcommand asks for it, so ``assay --help`` is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipeline import commands, interrupts
from pipeline.errors import INTERRUPTED, UNFORESEEN, AssayError, masked, of_machine

DEBUG = "ASSAY_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code; see ``pipeline.errors`` for the codes."""
    arguments = parser().parse_args(argv)
    # Nothing that Assay calls may report to anybody.
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with interrupts.heeded():
        code = _run(arguments)
    return INTERRUPTED if interrupts.seen() else code


def _run(arguments: argparse.Namespace) -> int:
    try:
        arguments.command(arguments)
    except AssayError as error:
        for line in error.lines():
            print(f"assay: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        if not interrupts.seen():
            interrupts.tell()
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        if (known := of_machine(error)) is not None:
            print(f"assay: {known.line()}", file=sys.stderr)
            return known.exit_code
        text = masked(" ".join(str(error).split()))
        print(
            f"assay: unforeseen {type(error).__name__}: {text[:300]}. This is a bug in Assay; "
            f"run again with {DEBUG}=1 to see where.",
            file=sys.stderr,
        )
        return UNFORESEEN
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line, all of it."""
    top = _Parser(
        prog="assay",
        description="From a table to scores you can trust: train and gate with `dvc repro`, "
        "promote, then score and monitor every night.",
        epilog="Start with: dvc repro && assay promote --because 'first model'",
    )
    top.add_argument("--version", action=_Version)
    add = commands.Adder(top.add_subparsers(title="commands", metavar="COMMAND", required=True))
    commands.make_a_model(add)
    commands.choose_a_version(add)
    commands.score_nights(add)
    commands.look_after_nights(add)
    return top


class _Parser(argparse.ArgumentParser):
    """Repeats what it does not understand, but no password in it; its subcommands are the same."""

    def error(self, message: str) -> NoReturn:
        super().error(masked(message))


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and end")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"assay {version('assay')}")
        parser.exit()


if __name__ == "__main__":
    # Run as a file, as spark-submit does, its folder would come before the standard library,
    # and `import profile` would find ours.
    here = Path(__file__).resolve().parent
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != here]
    sys.exit(main())
