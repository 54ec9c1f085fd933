"""Commands for published nights and the store: monitor, labels, alert, vacuum and fsck."""

from pathlib import Path
from typing import Annotated

from assay.cli.command import Call, Group, Option
from assay.cli.options import First, Last, Newest, night_range_or_newest

command = Group("look after nights")


@command(
    "monitor",
    "compare published nights with the bundle's reference; exit 4 if the last one crossed a limit "
    "beyond the false-alarm budget, or an incident is open at the end",
    "assay monitor --from 2013-07-01 --to 2013-07-31",
    shown="monitoring.lines",
)
def monitor(
    call: Call,
    *,
    date: Annotated[str | None, Option("one published night", "DAY")] = None,
    first: First = None,
    last: Last = None,
    newest: Newest = None,
    retrain_if: Annotated[
        bool,
        Option("instead: do the rules under monitor.retrain say to train again? exit 6 if so"),
    ] = False,
    evidently: Annotated[
        bool,
        Option(
            "also Evidently's report of each night, whatever monitor.evidently says (3 s a night)"
        ),
    ] = False,
    notify: Annotated[bool, Option("then tell what is new, as assay alert does")] = False,
) -> object:
    from assay.monitor import monitor_nights
    from assay.performance import retrain

    if retrain_if:
        with call.front_page():
            return retrain.run(*call.project, date)
    nights = night_range_or_newest(call, date, first, last, newest)
    alone = date is not None
    return monitor_nights.run(
        *call.project, *nights, notify=notify, evidently=evidently, alone=alone
    )


@command(
    "labels",
    "take truths that arrived late, and measure how well their nights were scored",
    "assay labels --date 2013-07-01 --rows truths.csv",
    shown="performance.labels_lines",
)
def labels(
    call: Call,
    *,
    date: Annotated[str | None, Option("one night, such as 2013-07-01", "DAY")] = None,
    first: First = None,
    last: Last = None,
    newest: Newest = None,
    rows: Annotated[
        Path | None,
        Option("keys and truths, .csv, .jsonl or .parquet (labels.input in params.yaml)", "FILE"),
    ] = None,
    arrived: Annotated[
        str | None, Option("when they arrived, if before now: 2013-07-03", "WHEN")
    ] = None,
) -> object:
    from assay.monitor import monitor_nights
    from assay.performance import labels

    nights = night_range_or_newest(call, date, first, last, newest)
    with call.front_page(after=False):
        taken = labels.run(*call.project, *nights, rows, arrived, patient=newest is not None)
        measured = [each.record.partition for each in taken.measured]
        monitor_nights.try_write_again(*call.project, measured)
        return taken


@command(
    "window",
    "move the training and holdout windows of params.yaml to the newest nights with labels",
    "assay window --if-advised && dvc repro",
    shown="performance.window_lines",
)
def window(
    call: Call,
    *,
    if_advised: Annotated[bool, Option("only if monitor --retrain-if says to train again")] = False,
) -> object:
    from assay.cli import step_output
    from assay.performance import retrain

    found = retrain.move_window(*call.project, if_advised=if_advised)
    step_output.write("moved", str(found.days > 0).lower())
    return found


@command(
    "alert",
    "write what is open to reports/ and send what is new; exit 60 if it did not arrive",
    "assay alert --issues",
    shown="overview.alert_lines",
)
def alert(
    call: Call,
    *,
    issues: Annotated[
        bool,
        Option(
            "also keep an issue of this CI run's repository for each incident; exit 61 if it "
            "was not taken"
        ),
    ] = False,
) -> object:
    from assay.hosting.issues import keep_issues
    from assay.monitor.incidents import alert

    return alert.run(*call.project, keep_issues if issues else None)


@command(
    "vacuum",
    "delete what dead runs left and versions that were replaced long ago",
    "assay vacuum --dry-run",
    shown="store.vacuum_lines",
)
def vacuum(
    call: Call,
    *,
    keep_days: Annotated[int | None, Option("of replaced nights (publish.keep_days)", "N")] = None,
    dry_run: Annotated[bool, Option("only say what would be deleted")] = False,
) -> object:
    from assay.score.operations import store_commands

    return store_commands.vacuum(*call.project, keep_days, dry_run)


@command(
    "fsck",
    "look the store over for damage, as a power cut can leave it; exit 52 if there is any left",
    "assay fsck --fix",
    shown="store.fsck_lines",
)
def fsck(
    call: Call,
    *,
    fix: Annotated[bool, Option("fix what loses no row that could still be read")] = False,
) -> object:
    from assay.score.operations import store_commands

    return store_commands.fsck(*call.project, fix=fix)
