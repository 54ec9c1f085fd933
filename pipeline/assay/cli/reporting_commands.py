"""Commands that show results: status, front page, reports, performance, nights and drift."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.cli.commands import CommandBuilder, positive_number, run_command, to_indented_json


def add_commands(add: CommandBuilder) -> None:
    """From the widest view to the narrowest."""
    add(
        "status",
        "where things stand: champion, last night, quarantine, drift",
        "assay status",
        _status,
    )
    front = add(
        "front",
        "write reports/index.html: the last nights at a glance",
        "assay front --nights 90",
        _front,
    )
    front.add_argument(
        "--nights", type=positive_number, metavar="N", default=90, help="how many nights (90)"
    )
    report = add(
        "report",
        "print the verdict in reports/ as a pull request's comment",
        "assay report --format github",
        _report,
    )
    report.add_argument(
        "--format", choices=("github", "gitlab"), required=True, help="whose Markdown it is"
    )
    comment = add(
        "comment",
        "keep one comment with the verdict on the pull request of this CI run, and add it to the "
        "run's summary",
        "assay comment",
        _comment,
    )
    comment.add_argument(
        "--pull-request",
        type=positive_number,
        metavar="N",
        help="its number (that of the event that CI runs for)",
    )
    ui = add(
        "ui",
        "serve the Evidently dashboard of the monitored nights, on loopback",
        "assay ui --port 8000",
        _ui,
    )
    ui.add_argument(
        "--host", default="127.0.0.1", help="where to listen (127.0.0.1: this machine alone)"
    )
    ui.add_argument("--port", type=_port, default=8000, help="(8000; 0 takes one that is free)")
    performance = add(
        "performance",
        "show the metrics as estimated and as they turned out: all of them, or one night by night",
        "assay performance --metric auc --by week",
        _performance,
    )
    performance.add_argument(
        "--metric", help="such as auc, brier, mean_observed (all, with their newest night)"
    )
    performance.add_argument("--slice", default="", help="such as origin=JFK (all rows)")
    performance.add_argument(
        "--maturity", type=int, metavar="DAYS", help="(the first of monitor.maturities)"
    )
    performance.add_argument("--by", choices=("night", "week"), default="night", help="(night)")
    explain = add(
        "explain-night",
        "say why a night's scores and decisions differ from those of an earlier night",
        "assay explain-night --date 2013-07-02 --against 2013-07-01",
        _explain_night,
    )
    explain.add_argument("--date", metavar="DAY", required=True, help="a published night")
    explain.add_argument(
        "--against", metavar="DAY", help="the night to compare with (the published one before)"
    )
    history = add(
        "history",
        "say what happened to a night: each run, who released or took it back, and why",
        "assay history --date 2013-07-02",
        _history,
    )
    history.add_argument("--date", metavar="DAY", required=True, help="a night of the store")
    drift = add(
        "drift",
        "compare a table with the promoted version's reference, without scoring it; exit 4 if a "
        "limit is crossed",
        "assay drift data/new.parquet",
        _drift,
    )
    drift.add_argument(
        "table",
        metavar="TABLE",
        nargs="?",
        help="a Parquet file, a folder of them, a Delta table, or a file of CSV, JSON lines or "
        "Excel, read as assay init would",
    )
    drift.add_argument("--date", metavar="DAY", help="instead: a night of score.input")
    drift.add_argument(
        "--bundle", type=Path, metavar="PATH", help="a bundle to compare with (the promoted one)"
    )
    drift.add_argument(
        "--spark", action="store_true", help="count by a Spark job, also on this machine alone"
    )


def _status(given: argparse.Namespace) -> None:
    from assay.cli.show import overview
    from assay.monitor import status

    run_command(
        status.run, given, lines=overview.status_lines, document=lambda found: found.to_json()
    )


def _front(given: argparse.Namespace) -> None:
    from assay.cli.show import overview
    from assay.monitor.front import command
    from assay.project import jsonfile

    run_command(
        command.run,
        given,
        given.nights,
        lines=overview.front_lines,
        document=lambda found: jsonfile.dumps(command.summary(found)),
    )


def _report(given: argparse.Namespace) -> None:
    from assay.cli.show import verdict
    from assay.gate.comment import command

    run_command(
        command.report,
        given,
        given.format,
        lines=verdict.comment_text_lines,
        document=to_indented_json,
    )


def _comment(given: argparse.Namespace) -> None:
    from assay.cli.show import verdict
    from assay.gate.comment import command

    run_command(
        command.post,
        given,
        given.pull_request,
        lines=verdict.comment_lines,
        document=to_indented_json,
    )


def _ui(given: argparse.Namespace) -> None:
    from assay.cli.commands import print_result
    from assay.cli.show import overview
    from assay.monitor.evidently import serve
    from assay.project.params import load

    def ready(serving: serve.ServedDashboard) -> None:
        print_result(serving, given, overview.ui_lines, serve.ServedDashboard.to_json)
        sys.stdout.flush()  # the server then runs without printing

    root = given.root.resolve()
    serve.run(root, load(root), given.host, given.port, ready)


def _performance(given: argparse.Namespace) -> None:
    from assay.cli.show import performance
    from assay.monitor.performance import all_metrics, comparison

    if given.metric is None:
        run_command(
            all_metrics.run,
            given,
            given.slice,
            given.maturity,
            given.by,
            lines=performance.all_metrics_lines,
            document=lambda found: found.to_json(),
        )
        return
    run_command(
        comparison.run,
        given,
        given.metric,
        given.slice,
        given.maturity,
        given.by,
        lines=performance.performance_lines,
        document=lambda found: found.to_json(),
    )


def _explain_night(given: argparse.Namespace) -> None:
    from assay.cli.show import explained_night
    from assay.monitor.explain import command

    run_command(
        command.run,
        given,
        given.date,
        given.against,
        lines=explained_night.lines,
        document=lambda found: found.to_json(),
    )


def _history(given: argparse.Namespace) -> None:
    from assay.cli.show import store
    from assay.score.operations import night_history

    run_command(
        night_history.run,
        given,
        given.date,
        lines=store.history_lines,
        document=lambda found: found.to_json(),
    )


def _drift(given: argparse.Namespace) -> None:
    from assay.cli.progress import make_progress_line
    from assay.cli.show import monitoring
    from assay.monitor.table_drift import command

    run_command(
        command.run,
        given,
        given.table,
        given.date,
        given.bundle,
        spark=given.spark,
        sink=make_progress_line(),
        lines=monitoring.table_lines,
        document=lambda found: found.to_json(),
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found '{text}'")
    return int(text)
