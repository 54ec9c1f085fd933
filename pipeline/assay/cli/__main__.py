"""The ``assay`` command: dispatch to subcommands, and map errors to exit codes.

Heavy modules are imported only when a subcommand needs them, so ``assay --help`` is fast.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from assay.cli.command import Call
from assay.cli.parser import build_parser
from assay.cli.terminal import log_to_stderr
from assay.errors import INTERRUPTED, UNFORESEEN, AssayError, UsageError
from assay.errors.base import mask_passwords
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
    # No library that Assay calls may send telemetry.
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with interrupts.handle_interrupts(), log_to_stderr():
        code = _run(Call(arguments), alone)
    return INTERRUPTED if interrupts.was_interrupted() else code


def run_program() -> NoReturn:
    """`main` as a process of its own, which ends with its exit code."""
    # Most of what a short command makes are imported modules, which no collection would free.
    gc.set_threshold(100_000, 20, 20)
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
    # Every dataclass is made by `exec` of a string. An interrupt inside leaves a mark, by which
    # `python -m` ends as killed by the signal, whatever was caught since. The next one clears it.
    exec("")
    sys.exit(code)


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
    text = mask_passwords(" ".join(str(error).split()))
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


if __name__ == "__main__":
    run_program()
