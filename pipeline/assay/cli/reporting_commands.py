"""Commands for looking around: status, front, reports, performance, nights and drift."""

import argparse
from pathlib import Path
from typing import Annotated, Literal

from assay.cli.command import Call, Group, Option
from assay.cli.options import Published, positive_number

command = Group("look around")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found '{text}'")
    return int(text)


@command(
    "status",
    "where things stand: champion, last night, quarantine, drift",
    shown="overview.status_lines",
)
def status(call: Call) -> object:
    from assay.monitor import status

    return status.run(*call.project)


@command(
    "front",
    "write reports/index.html: the last nights at a glance",
    "assay front --nights 90",
    shown="overview.front_lines",
)
def front(
    call: Call,
    *,
    nights: Annotated[int, Option("how many nights (90)", "N", parse=positive_number)] = 90,
) -> object:
    from assay.monitor.front import command

    return command.run(*call.project, nights)


@command(
    "report",
    "print the verdict in reports/ as a pull request's comment",
    "assay report --format github",
    shown="verdict.comment_text_lines",
)
def report(
    call: Call,
    *,
    format: Annotated[Literal["github", "gitlab"], Option("whose Markdown it is")],
) -> object:
    from assay.hosting import comment as command

    return command.report(*call.project, format)


@command(
    "comment",
    "keep one comment with the verdict on the pull request of this CI run, and add it to the "
    "run's summary",
    shown="verdict.comment_lines",
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


@command(
    "ui",
    "serve the Evidently dashboard of the monitored nights, on loopback",
    "assay ui --port 8000",
    shown="overview.ui_lines",
    serves=True,
)
def ui(
    call: Call,
    *,
    host: Annotated[str, Option("where to listen (127.0.0.1: this machine alone)")] = "127.0.0.1",
    port: Annotated[int, Option("(8000; 0 takes one that is free)", parse=_port)] = 8000,
) -> object:
    from assay.monitor.evidently import serve

    serve.run(*call.project, host, port, call.show)
    return None


@command(
    "performance",
    "show the metrics as estimated and as they turned out: all of them, or one night by night",
    "assay performance --metric auc --by week",
    shown="performance.lines",
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


@command(
    "explain-night",
    "say why a night's scores and decisions differ from those of an earlier night",
    "assay explain-night --date 2013-07-02 --against 2013-07-01",
    shown="explained_night.lines",
)
def explain_night(
    call: Call,
    *,
    date: Published,
    against: Annotated[
        str | None, Option("the night to compare with (the published one before)", "DAY")
    ] = None,
) -> object:
    from assay.monitor.explain import command

    return command.run(*call.project, date, against)


@command(
    "history",
    "say what happened to a night: each run, who released or took it back, and why",
    "assay history --date 2013-07-02",
    shown="store.history_lines",
)
def history(call: Call, *, date: Annotated[str, Option("a night of the store", "DAY")]) -> object:
    from assay.score.operations import store_commands

    return store_commands.history(*call.project, date)


@command(
    "drift",
    "compare a table with the promoted version's reference, without scoring it; exit 4 if a "
    "limit is crossed",
    "assay drift data/new.parquet",
    shown="monitoring.table_lines",
)
def drift(
    call: Call,
    table: Annotated[
        str | None,
        Option(
            "a Parquet file, a folder of them, a Delta table, or a file of CSV, JSON lines or "
            "Excel, read as assay init would",
            "TABLE",
        ),
    ] = None,
    *,
    date: Annotated[str | None, Option("instead: a night of score.input", "DAY")] = None,
    bundle: Annotated[
        Path | None, Option("a bundle to compare with (the promoted one)", "PATH")
    ] = None,
) -> object:
    from assay.cli.progress import make_progress_line
    from assay.monitor import table_drift

    return table_drift.run(*call.project, table, date, bundle, sink=make_progress_line())
