"""Commands that a schedule runs, that look around, and that say what is wrong."""

import argparse
import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any, Literal

from assay.cli.command import Call, Group, Option, Published, positive_number
from assay.errors import UsageError
from assay.errors.base import attach_report

SCHEDULE = Group("on a schedule")


@SCHEDULE(
    "nightly",
    "what a schedule runs: score --due, labels, monitor --notify; exit code of the first that "
    "failed, else of the first with an answer (4, 6, 51)",
    "assay nightly --pull",
    words="nights.nightly_lines",
)
def nightly(
    call: Call,
    *,
    date: Annotated[
        str | None, Option("score this night instead of those that are due", "DAY")
    ] = None,
    answers_ok: Annotated[
        bool,
        Option("exit 0 for a held night (51), a crossed limit (4), advised training (6)"),
    ] = False,
    pull: Annotated[
        str | None,
        Option(
            "first fetch commits and tags; with a URL, clone it if the root is not there",
            "URL",
            bare="",
        ),
    ] = None,
    branch: Annotated[str | None, Option("of the clone (its default branch)", "NAME")] = None,
    reports_at: Annotated[
        str | None,
        Option(
            "where reports/ are kept between runs, for machines that keep nothing",
            "ADDRESS",
        ),
    ] = None,
) -> object:
    from assay.ops import nightly
    from assay.registry import git

    def run(typed: Sequence[str]) -> Any:
        return _call(call, typed)

    if branch is not None and not pull:
        raise UsageError("--branch needs --pull URL", where="assay nightly")
    if pull is not None:
        git.update_or_clone(call.root, pull, branch)
    with nightly.kept(call.root, reports_at):
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


@SCHEDULE(
    "deploy",
    "write the files that run nights on a schedule; github, gitlab: gate, promotion and retraining "
    "too",
    "assay deploy --target systemd --out deploy/systemd",
    words="start.deploy_lines",
)
def deploy(
    call: Call,
    *,
    target: Annotated[
        str,
        Option(
            "github, gitlab, cron, systemd, airflow, prefect, dagster, kubernetes, "
            "cloud-run-job, dataproc-serverless, emr-serverless, azure-ml, databricks, or a class "
            "of the project's own such as data.schedulers.Jenkins",
            "SCHEDULER",
        ),
    ],
    out: Annotated[
        Path | None, Option("the folder to write to (deploy/TARGET, .github/workflows)", "DIR")
    ] = None,
    dry_run: Annotated[bool, Option("write nothing, and show what would change")] = False,
    overwrite: Annotated[bool, Option("replace files that differ")] = False,
) -> object:
    from assay.ops.deploy import targets

    return targets.run(*call.project, target, out, dry_run=dry_run, overwrite=overwrite)


LOOK = Group("look around")


@LOOK(
    "status",
    "where things stand: champion, last night, quarantine, drift",
    words="monitoring.status_lines",
)
def status(call: Call) -> object:
    from assay.monitor import status

    return status.run(*call.project)


@LOOK(
    "front",
    "write reports/index.html: the last nights at a glance",
    "assay front --nights 90",
    keys="page metric? champion.version?",
)
def front(
    call: Call,
    *,
    nights: Annotated[int, Option("how many nights (90)", "N", parse=positive_number)] = 90,
) -> object:
    from assay.monitor.front import command

    return command.run(*call.project, nights)


@LOOK(
    "report",
    "print the verdict in reports/ as a pull request's comment",
    "assay report --format github",
    words="verdict.comment_lines",
)
def report(
    call: Call,
    *,
    format: Annotated[Literal["github", "gitlab"], Option("whose Markdown it is")],
) -> object:
    from assay.hosting import comment as command

    return command.report(*call.project, format)


@LOOK(
    "comment",
    "keep one comment with the verdict on the pull request of this CI run, and add it to the "
    "run's summary",
    keys="outcome pull_request? posted summary",
)
def comment(
    call: Call,
    *,
    pull_request: Annotated[
        int | None,
        Option("its number (that of the event that CI runs for)", "N", parse=positive_number),
    ] = None,
) -> object:
    from assay.hosting import comment as command

    return command.post(*call.project, pull_request)


@LOOK(
    "performance",
    "show the metrics as estimated and as they turned out: all of them, or one night by night",
    "assay performance --metric auc --by week",
    words="nights.performance_lines",
)
def performance(
    call: Call,
    *,
    metric: Annotated[
        str | None, Option("such as auc, brier, mean_observed (all, with their newest night)")
    ] = None,
    slice: Annotated[str, Option("such as origin=JFK (all rows)")] = "",
    maturity: Annotated[int | None, Option("(the first of monitor.maturities)", "DAYS")] = None,
    by: Annotated[Literal["night", "week"], Option("(night)")] = "night",
) -> object:
    from assay.performance import comparison

    return comparison.run(*call.project, metric, slice, maturity, by)


@LOOK(
    "why",
    "say why a published row got its score: what each feature added, and what else would have been "
    "decided",
    "assay why --key 4711 --date 2013-07-02",
    words="nights.why_lines",
)
def why(
    call: Call,
    *,
    key: Annotated[
        Sequence[str],
        Option("the row's key; of several key columns COLUMN=VALUE for each", "KEY"),
    ],
    date: Annotated[str | None, Option("its night (the newest that has the key)", "DAY")] = None,
    top: Annotated[
        int,
        Option("the features and the other decisions that are listed (10)", parse=positive_number),
    ] = 10,
    page: Annotated[Path | None, Option("write it as a page with a picture, too", "FILE")] = None,
) -> object:
    from assay.score.operations import why, why_page

    if page is not None:
        why_page.check(call.root, page)
    answer = why.run(*call.project, key, date)
    if page is not None:
        why_page.write(answer, page, top)
    return answer


LOOK.parent("night", "what happened to one night, and why", "assay night history --date 2013-07-02")


@LOOK(
    "night explain",
    "say why a night's scores and decisions differ from those of an earlier night",
    "assay night explain --date 2013-07-02 --against 2013-07-01",
    words="monitoring.explain_lines",
)
def night_explain(
    call: Call,
    *,
    date: Published,
    against: Annotated[
        str | None, Option("the night to compare with (the published one before)", "DAY")
    ] = None,
) -> object:
    from assay.monitor.explain import command

    return command.run(*call.project, date, against)


@LOOK(
    "night history",
    "say what happened to a night: each run, who released or took it back, and why",
    "assay night history --date 2013-07-02",
    words="nights.history_lines",
)
def night_history(
    call: Call, *, date: Annotated[str, Option("a night of the store", "DAY")]
) -> object:
    from assay.score.operations import store_commands

    return store_commands.history(*call.project, date)


@LOOK(
    "drift",
    "compare a table with the promoted version's reference, without scoring it; exit 4 if a "
    "limit is crossed",
    "assay drift data/new.parquet",
    words="monitoring.table_lines",
)
def drift(
    call: Call,
    table: Annotated[
        str | None,
        Option(
            "a Parquet file, a folder of them, or a Delta table",
            "TABLE",
        ),
    ] = None,
    *,
    date: Annotated[str | None, Option("instead: a night of score.input", "DAY")] = None,
    bundle: Annotated[
        Path | None, Option("a bundle to compare with (the promoted one)", "PATH")
    ] = None,
) -> object:
    from assay.monitor import table_drift

    return table_drift.run(*call.project, table, date, bundle)


FIX = Group("when something is wrong")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found '{text}'")
    return seconds


@FIX(
    "doctor",
    "check git, tags, remotes, Java, store and disk: each line says ok or what to type; "
    "exit 7 if a check failed",
    "assay doctor --spark",
    words="monitoring.doctor_lines",
)
def doctor(
    call: Call,
    *,
    spark: Annotated[bool, Option("also start Spark, which takes seconds")] = False,
    only: Annotated[
        Sequence[str], Option("one check, such as store; may be repeated", "CHECK")
    ] = (),
    seconds: Annotated[
        float | None,
        Option("the most that one check may take (30; Spark 120)", "N", parse=_seconds),
    ] = None,
) -> object:
    from assay.ops.doctor import command

    # Not call.project: that params.yaml can be read is one of the checks.
    return command.run(call.root, only, spark=spark, seconds=seconds)


@FIX(
    "explain",
    "say what an exit code means, why it happens and what to do; without a code, list all",
    "assay explain 42",
    keys="codes",
)
def explain(
    call: Call,
    code: Annotated[str | None, Option("an exit code, or an error's name", "CODE")] = None,
) -> object:
    from assay.errors import codes

    return codes.explain(code)
