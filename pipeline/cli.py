"""The ``assay`` command: one subcommand each, errors to exit codes, nothing else.

Nothing heavy is imported before a subcommand asks for it, so ``assay --help`` is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.errors import INTERRUPTED, UNFORESEEN, AssayError, UsageError

DEBUG = "ASSAY_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code; see ``pipeline.errors`` for the codes."""
    arguments = parser().parse_args(argv)
    # Nothing that Assay calls may report to anybody.
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        arguments.command(arguments)
    except AssayError as error:
        for line in error.lines():
            print(f"assay: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("assay: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        text = " ".join(str(error).split())
        print(
            f"assay: unforeseen {type(error).__name__}: {text[:300]}. This is a bug in Assay; "
            f"run again with {DEBUG}=1 to see where.",
            file=sys.stderr,
        )
        return UNFORESEEN
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line, all of it."""
    top = argparse.ArgumentParser(
        prog="assay",
        description="From a table to scores you can trust: train and gate with `dvc repro`, "
        "promote, then score and monitor every night.",
        epilog="Start with: dvc repro && assay promote --because 'first model'",
    )
    top.add_argument("--version", action=_Version)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(
        name: str, help: str, example: str, run: Callable[[argparse.Namespace], Any]
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"Example: {example}",
        )
        sub.add_argument("--root", type=Path, default=Path(), help="the project's folder (here)")
        sub.add_argument("--json", action="store_true", help="print one JSON document instead")
        sub.set_defaults(command=run, name=name)
        return sub

    add("ingest", "read the source into data/raw, one folder a night", "assay ingest", _stage)
    add("contract", "check data/raw against the contract", "assay contract --json", _stage)
    add("prepare", "split the checked rows into training and holdout", "assay prepare", _stage)
    train = add("train", "train one candidate of params.yaml", "assay train boosting", _train)
    train.add_argument("candidate", help="a name under train.candidates in params.yaml")
    add("select", "choose the best candidate's bundle", "assay select", _select)
    add("evaluate", "measure the selected bundle on the holdout", "assay evaluate", _stage)
    add("gate", "decide whether the selected bundle may be promoted", "assay gate", _stage)

    promote = add(
        "promote",
        "make the gated bundle at HEAD a version and give it the stage",
        "assay promote --because 'weather features'",
        _promote,
    )
    promote.add_argument("--because", metavar="WHY", help="kept with the version for good")
    promote.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    promote.add_argument(
        "--bump", choices=("major", "minor", "patch"), default="minor", help="(minor)"
    )
    rollback = add(
        "rollback",
        "give the stage back to an earlier version",
        "assay rollback --because 'scores too high since Tuesday'",
        _rollback,
    )
    rollback.add_argument("--because", metavar="WHY", required=True, help="kept for good")
    rollback.add_argument("--to", metavar="VERSION", help="such as v0.1.0 (the one before)")
    rollback.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    add("versions", "list versions and who promoted what, and why", "assay versions", _versions)

    score = add(
        "score",
        "score nights with the promoted version and publish them",
        "assay score --from 2013-07-01 --to 2013-07-07",
        _score,
    )
    score.add_argument("--date", metavar="DAY", help="one night, such as 2013-07-01")
    score.add_argument("--from", dest="first", metavar="DAY", help="the first of several nights")
    score.add_argument("--to", dest="last", metavar="DAY", help="the last of them")
    monitor = add(
        "monitor",
        "compare a published night with the bundle's reference; exit 4 if a limit is crossed",
        "assay monitor --date 2013-07-01",
        _monitor,
    )
    monitor.add_argument("--date", metavar="DAY", required=True, help="a published night")
    add(
        "status",
        "where things stand: champion, last night, quarantine, drift",
        "assay status",
        _status,
    )
    return top


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and end")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"assay {version('assay')}")
        parser.exit()


def _call(
    module: str, function: str, arguments: argparse.Namespace, *rest: Any, **more: Any
) -> Any:
    from pipeline.params import load

    root = arguments.root.resolve()
    run = getattr(import_module(module), function)
    return run(root, load(root), *rest, as_json=arguments.json, **more)


def _stage(arguments: argparse.Namespace) -> None:
    _call(f"pipeline.{arguments.name}.stage", "run", arguments)


def _train(arguments: argparse.Namespace) -> None:
    _call("pipeline.train.stage", "run", arguments, arguments.candidate)


def _select(arguments: argparse.Namespace) -> None:
    _call("pipeline.train.select", "run", arguments)


def _promote(arguments: argparse.Namespace) -> None:
    _call(
        "pipeline.registry.promote",
        "promote",
        arguments,
        because=arguments.because,
        stage=arguments.stage,
        bump=arguments.bump,
    )


def _rollback(arguments: argparse.Namespace) -> None:
    _call(
        "pipeline.registry.promote",
        "rollback",
        arguments,
        because=arguments.because,
        to=arguments.to,
        stage=arguments.stage,
    )


def _versions(arguments: argparse.Namespace) -> None:
    _call("pipeline.registry.promote", "list_versions", arguments)


def _score(arguments: argparse.Namespace) -> None:
    one, first, last = arguments.date, arguments.first, arguments.last
    if (one is None) == (first is None and last is None) or (first is None) != (last is None):
        raise UsageError(
            "say which nights", where="assay score", expected="--date DAY, or --from DAY --to DAY"
        )
    _call("pipeline.score.stage", "run", arguments, one or first, one or last)


def _monitor(arguments: argparse.Namespace) -> None:
    _call("pipeline.monitor.stage", "run", arguments, arguments.date)


def _status(arguments: argparse.Namespace) -> None:
    _call("pipeline.monitor.status", "run", arguments)


if __name__ == "__main__":
    sys.exit(main())
