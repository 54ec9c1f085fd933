"""Commands for schedules: nightly, which they run, and deploy, which writes them."""

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any, Literal

from assay.cli.command import Call, Group, Option
from assay.errors import UsageError
from assay.errors.base import attach_report

Target = Literal[
    "cron", "systemd", "airflow", "kubernetes", "databricks", "emr-serverless", "gitlab"
]
"""Here too, so that `assay --help` need not load what writes them; a test compares the two."""

command = Group("on a schedule")


@command(
    "nightly",
    "what a schedule runs: score --due, labels, monitor --notify, each whatever became of the "
    "one before; exit code of the first that failed, else of the first with an answer (4, 6, "
    "51)",
    "assay nightly --pull",
    shown="schedule.nightly_lines",
)
def nightly(
    call: Call,
    *,
    date: Annotated[
        str | None, Option("score this night instead of those that are due", "DAY")
    ] = None,
    answers_ok: Annotated[
        bool,
        Option("exit 0 also if a night is held (51), a limit crossed (4) or training advised (6)"),
    ] = False,
    pull: Annotated[
        str | None,
        Option(
            "first fetch new commits and tags; with a URL, clone it if the root is not there yet",
            "URL",
            bare="",
        ),
    ] = None,
    branch: Annotated[str | None, Option("of the clone (its default branch)", "NAME")] = None,
    reports_at: Annotated[
        str | None,
        Option(
            "where reports/ of the nights are kept between runs, for machines that keep nothing",
            "ADDRESS",
        ),
    ] = None,
) -> object:
    from assay.ops import nightly, nightly_reports
    from assay.registry import git

    def run(typed: Sequence[str]) -> Any:
        return _call(call, typed)

    if branch is not None and not pull:
        raise UsageError("--branch needs --pull URL", where="assay nightly")
    if pull is not None:
        git.update_or_clone(call.root, pull, branch)
    with nightly_reports.kept(call.root, reports_at):
        return nightly.run(*call.project, run, date, answers_ok)


def _call(call: Call, typed: Sequence[str]) -> Any:
    """Run one command as if it was typed; its JSON document with ``--json``, else None."""
    asked = call.another(typed)
    if not call.json:
        asked.perform()
        return None
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            asked.perform()
    except Exception as error:
        attach_report(error, _parsed(printed))
        raise
    return _parsed(printed)


def _parsed(printed: io.StringIO) -> Any:
    text = printed.getvalue().strip()
    return json.loads(text) if text else None


@command(
    "deploy",
    "write the files that run assay nightly on a schedule, from params.yaml",
    "assay deploy --target systemd --out deploy/systemd",
    shown="schedule.deploy_lines",
)
def deploy(
    call: Call,
    *,
    target: Annotated[Target, Option("the scheduler")],
    out: Annotated[Path | None, Option("the folder to write to (deploy/TARGET)", "DIR")] = None,
) -> object:
    from assay.ops.deploy import targets

    return targets.run(*call.project, target, out)
