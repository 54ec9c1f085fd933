"""Commands for published nights and the store: monitor, labels, alert, vacuum and fsck."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from assay.cli.commands import (
    CommandBuilder,
    add_night_options,
    parse_night_range,
    positive_number,
    refresh_front_page,
    run_command,
    to_json_line,
    to_report_text,
)
from assay.errors import UsageError


def add_commands(add: CommandBuilder) -> None:
    """Commands that a schedule runs after scoring first, then maintenance of the store."""
    monitor = add(
        "monitor",
        "compare published nights with the bundle's reference; exit 4 if a limit is crossed, "
        "or of several nights if an incident is open at the end",
        "assay monitor --from 2013-07-01 --to 2013-07-31",
        _monitor,
    )
    add_night_options(monitor, "one published night")
    _add_newest(monitor)
    monitor.add_argument(
        "--retrain-if",
        action="store_true",
        help="instead: do the rules under monitor.retrain say to train again? exit 6 if so",
    )
    monitor.add_argument(
        "--evidently",
        action="store_true",
        help="also Evidently's report of each night, whatever monitor.evidently says (3 s a night)",
    )
    monitor.add_argument(
        "--notify", action="store_true", help="then tell what is new, as assay alert does"
    )
    labels = add(
        "labels",
        "take truths that arrived late, and measure how well their nights were scored",
        "assay labels --date 2013-07-01 --rows truths.csv",
        _labels,
    )
    add_night_options(labels, "one night, such as 2013-07-01")
    _add_newest(labels)
    labels.add_argument(
        "--rows",
        type=Path,
        metavar="FILE",
        help="keys and truths, .csv, .jsonl or .parquet (labels.input in params.yaml)",
    )
    labels.add_argument(
        "--arrived", metavar="WHEN", help="when they arrived, if before now: 2013-07-03"
    )
    window = add(
        "window",
        "move the training and holdout windows of params.yaml to the newest nights with labels",
        "assay window --if-advised && dvc repro",
        _window,
    )
    window.add_argument(
        "--if-advised",
        action="store_true",
        help="only if monitor --retrain-if says to train again",
    )
    alert = add(
        "alert",
        "write what is open to reports/ and send what is new; exit 60 if it did not arrive",
        "assay alert --issues",
        _alert,
    )
    alert.add_argument(
        "--issues",
        action="store_true",
        help="also keep an issue of this CI run's repository for each incident; exit 61 if it "
        "was not taken",
    )
    vacuum = add(
        "vacuum",
        "delete what dead runs left and versions that were replaced long ago",
        "assay vacuum --dry-run",
        _vacuum,
    )
    vacuum.add_argument(
        "--keep-days", type=int, metavar="N", help="of replaced nights (publish.keep_days)"
    )
    vacuum.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    fsck = add(
        "fsck",
        "look the store over for damage, as a power cut can leave it; exit 52 if there is any left",
        "assay fsck --mend",
        _fsck,
    )
    fsck.add_argument(
        "--mend", action="store_true", help="mend what loses no row that could still be read"
    )


def _add_newest(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--last-nights",
        dest="newest",
        type=positive_number,
        metavar="N",
        help="instead: the newest N published nights, as a schedule wants it",
    )


def _nights(given: argparse.Namespace) -> tuple[str, str]:
    if given.newest is None:
        return parse_night_range(given)
    if (given.date, given.first, given.last) != (None, None, None):
        raise UsageError(
            "say which nights once",
            where=f"assay {given.name}",
            expected="--last-nights N, or --date DAY, or --from DAY --to DAY",
        )
    from assay.monitor.nights.newest import newest_nights
    from assay.project.params import load

    root = given.root.resolve()
    return newest_nights(root, load(root), given.newest)


def _monitor(given: argparse.Namespace) -> None:
    from assay.cli.show import monitoring, performance
    from assay.monitor import monitor_night, monitor_range
    from assay.monitor.performance import retrain

    if given.retrain_if:
        with refresh_front_page(given):
            run_command(
                retrain.run,
                given,
                given.date,
                lines=performance.retrain_lines,
                document=to_report_text,
            )
        return
    first, last = _nights(given)
    if given.date is not None:
        run_command(
            monitor_night.run,
            given,
            first,
            notify=given.notify,
            evidently=given.evidently,
            lines=monitoring.night_lines,
            document=lambda found: found.to_json(),
        )
    else:
        run_command(
            monitor_range.run,
            given,
            first,
            last,
            notify=given.notify,
            evidently=given.evidently,
            lines=monitoring.nights_lines,
            document=lambda found: found.book.to_json(),
        )


def _window(given: argparse.Namespace) -> None:
    from assay.cli import step_output
    from assay.cli.show import performance
    from assay.monitor.performance import window

    found = run_command(
        window.run,
        given,
        if_advised=given.if_advised,
        lines=performance.window_lines,
        document=to_json_line,
    )
    step_output.write("moved", str(found.days > 0).lower())


def _labels(given: argparse.Namespace) -> None:
    from assay.cli.show import performance
    from assay.monitor import labels
    from assay.project import jsonfile

    first, last = _nights(given)
    with refresh_front_page(given, after=False):
        run_command(
            labels.run,
            given,
            first,
            last,
            given.rows,
            given.arrived,
            patient=given.newest is not None,
            lines=performance.labels_lines,
            document=lambda found: jsonfile.dumps(found.tree()),
        )


def _alert(given: argparse.Namespace) -> None:
    from assay.cli.show import overview
    from assay.monitor.incidents import alert

    run_command(
        alert.run,
        given,
        given.issues,
        lines=overview.alert_lines,
        document=lambda found: found.to_json(),
    )


def _vacuum(given: argparse.Namespace) -> None:
    from assay.cli.show import store
    from assay.score.operations import vacuum

    run_command(
        vacuum.run,
        given,
        given.keep_days,
        given.dry_run,
        lines=store.vacuum_lines,
        document=lambda done: json.dumps(done.plain(), indent=2),
    )


def _fsck(given: argparse.Namespace) -> None:
    from assay.cli.show import store
    from assay.score import fsck

    run_command(fsck.run, given, mend=given.mend, lines=store.fsck_lines, document=to_json_line)
