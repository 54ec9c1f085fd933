"""Commands for schedules: nightly, which they run, and deploy, which writes them."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from assay.cli.commands import CommandBuilder, run_command, to_indented_json
from assay.errors import UsageError
from assay.errors.base import attach_report

TARGETS = (
    "cron", "systemd", "airflow", "kubernetes", "databricks", "emr-serverless", "gitlab",
)  # fmt: skip
"""Here too, so that `assay --help` need not load what writes them; a test compares the two."""

Parse = Callable[[str, Sequence[str]], argparse.Namespace]


def add_commands(add: CommandBuilder) -> None:
    """What runs each night first, then what writes the files of a scheduler."""
    nightly = add(
        "nightly",
        "what a schedule runs: score --due, labels, monitor --notify, each whatever became of the "
        "one before; exit code of the first that failed, else of the first with an answer (4, 6, "
        "51)",
        "assay nightly --pull",
        partial(_nightly, add.parse),
    )
    nightly.add_argument(
        "--date", metavar="DAY", help="score this night instead of those that are due"
    )
    nightly.add_argument(
        "--answers-ok",
        action="store_true",
        help="exit 0 also if a night is held (51), a limit crossed (4) or training advised (6)",
    )
    nightly.add_argument(
        "--pull",
        metavar="URL",
        nargs="?",
        const="",
        help="first fetch new commits and tags; with a URL, clone it if the root is not there yet",
    )
    nightly.add_argument("--branch", metavar="NAME", help="of the clone (its default branch)")
    nightly.add_argument(
        "--reports-at",
        metavar="ADDRESS",
        help="where reports/ of the nights are kept between runs, for machines that keep nothing",
    )
    deploy = add(
        "deploy",
        "write the files that run assay nightly on a schedule, from params.yaml",
        "assay deploy --target systemd --out deploy/systemd",
        _deploy,
    )
    deploy.add_argument("--target", required=True, choices=TARGETS, help="the scheduler")
    deploy.add_argument(
        "--out", type=Path, metavar="DIR", help="the folder to write to (deploy/TARGET)"
    )


def _nightly(parse: Parse, given: argparse.Namespace) -> None:
    from assay.cli.show import schedule
    from assay.monitor import nightly, nightly_reports
    from assay.registry import git

    root = given.root.resolve()
    if given.branch is not None and not given.pull:
        raise UsageError("--branch needs --pull URL", where="assay nightly")
    if given.pull is not None:
        git.update_or_clone(root, given.pull, given.branch)
    with nightly_reports.kept(root, given.reports_at):
        run_command(
            nightly.run,
            given,
            partial(_call, parse, given),
            given.date,
            given.answers_ok,
            lines=schedule.nightly_lines,
            document=to_indented_json,
        )


def _call(parse: Parse, given: argparse.Namespace, command: Sequence[str]) -> Any:
    """Run one command as if it was typed; its JSON document with ``--json``, else None."""
    name, *rest = command
    options = ["--root", str(given.root), *(["--json"] if given.json else [])]
    asked = parse(name, [*rest, *options])
    if not given.json:
        asked.command(asked)
        return None
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            asked.command(asked)
    except Exception as error:
        attach_report(error, _parsed(printed))
        raise
    return _parsed(printed)


def _parsed(printed: io.StringIO) -> Any:
    text = printed.getvalue().strip()
    return json.loads(text) if text else None


def _deploy(given: argparse.Namespace) -> None:
    from assay.cli.show import schedule
    from assay.monitor.deploy import command

    run_command(
        command.run,
        given,
        given.target,
        given.out,
        lines=schedule.deploy_lines,
        document=to_indented_json,
    )
