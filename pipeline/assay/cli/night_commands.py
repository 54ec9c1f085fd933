"""Commands for nights: scoring and publishing them, looking after them and their store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from assay.cli.command import (
    Because,
    Call,
    First,
    Group,
    Last,
    Newest,
    Option,
    Published,
    ShowPrivate,
    distance,
    night_range,
    night_range_or_newest,
    positive_number,
    write_step_output,
)
from assay.errors import UsageError

Night = Annotated[str | None, Option("a night", "DAY")]
Run = Annotated[str | None, Option("a run of it that is held or published", "RUN")]
RunId = Annotated[str, Option("as assay score named it", "RUN")]

SCORE = Group("score nights")


@SCORE(
    "score",
    "score nights with the promoted version and publish them",
    "assay score --from 2013-07-01 --to 2013-07-07",
    words="nights.score_lines",
    front=True,
)
def score(
    call: Call,
    *,
    date: Annotated[str | None, Option("one night, such as 2013-07-01", "DAY")] = None,
    first: First = None,
    last: Last = None,
    due: Annotated[
        bool,
        Option(
            "each night with input and nothing published (within --from and --to); held ones wait "
            "for a person"
        ),
    ] = False,
    force: Annotated[bool, Option("also what is published already from the same input")] = False,
    carrier: Annotated[
        Literal["auto", "local", "files"] | None,
        Option("how rows reach the model (score.carrier in params.yaml)"),
    ] = None,
) -> object:
    from assay.score import stage

    if not due:
        nights = night_range(call, date, first, last, ", or --due")
        return stage.run(*call.project, *nights, force=force, carrier=carrier)
    if date is not None or force:
        raise UsageError(
            "the nights that are due have nothing published",
            where="assay score --due",
            expected="neither --date nor --force; --from DAY and --to DAY leave out other nights",
            found="--force" if date is None else f"--date {date}",
        )
    return stage.run_due(*call.project, first, last, carrier=carrier)


@SCORE(
    "release",
    "publish a run that was held",
    "assay release 20130702T021503Z-1f9c5a20 --because 'the carnival explains the extra rows'",
    words="nights.release_lines",
    front=True,
)
def release(call: Call, run_id: RunId, *, because: Because) -> object:
    from assay.score.operations import store_commands

    return store_commands.release(*call.project, run_id, because=because)


@SCORE(
    "retract",
    "take a run back: a published one, or one that was held or failed and is to stay so",
    "assay retract 20130702T021503Z-1f9c5a20 --because 'the export was of another day'",
    words="nights.retract_lines",
    front=True,
)
def retract(call: Call, run_id: RunId, *, because: Because) -> object:
    from assay.score.operations import store_commands

    return store_commands.retract(*call.project, run_id, because=because)


SCORE.parent(
    "quarantine",
    "rows that were refused: show, export",
    "assay quarantine show --date 2013-07-01",
)


@SCORE(
    "quarantine show",
    "count a night's refused rows by rule, with examples",
    "assay quarantine show --date 2013-07-01",
    words="nights.quarantine_lines",
)
def quarantine_show(
    call: Call, *, date: Night = None, run: Run = None, show_private: ShowPrivate = None
) -> object:
    from assay.score.operations import quarantine

    return quarantine.show(*call.project, *_night_or_run(call, date, run), show_private)


@SCORE(
    "quarantine export",
    "write a night's refused rows to a file",
    "assay quarantine export --date 2013-07-01",
    words="nights.refused_file_lines",
)
def quarantine_export(
    call: Call,
    *,
    out: Annotated[
        Path | None, Option("ends in .csv or .jsonl (exports/refused-DAY.csv)", "FILE")
    ] = None,
    date: Night = None,
    run: Run = None,
    show_private: ShowPrivate = None,
) -> object:
    from assay.score.operations import quarantine

    return quarantine.export(*call.project, *_night_or_run(call, date, run), out, show_private)


def _night_or_run(call: Call, date: str | None, run: str | None) -> tuple[str | None, str | None]:
    if date is None and run is None:
        raise UsageError(
            "say which rows", where=f"assay {call.command.name}", expected="--date or --run"
        )
    return date, run


@SCORE(
    "export",
    "copy a published night's predictions to files or a database",
    "assay export --date 2013-07-01 --to csv:exports/night.csv",
)
def export(
    call: Call,
    *,
    date: Published,
    to: Annotated[
        str,
        Option(
            "parquet:FOLDER, csv:FILE, postgresql://USER@HOST:PORT/DATABASE?table=NAME or "
            "function:MODULE.NAME",
            "TARGET",
        ),
    ],
    changed: Annotated[
        bool,
        Option(
            "only rows whose decision changed since the target got some this way; files go into "
            "csv:FOLDER"
        ),
    ] = False,
    by: Annotated[
        float | None,
        Option("with --changed: also rows whose score changed by more", "X", parse=distance),
    ] = None,
    show_private: ShowPrivate = None,
) -> object:
    from assay.score.operations import export, export_changes

    if changed:
        return export_changes.run(*call.project, date, to, by, show_private)
    if by is not None:
        raise UsageError(
            "an export of the whole night has all rows",
            where="assay export --by",
            expected="--changed as well",
        )
    return export.run(*call.project, date, to, show_private)


@SCORE(
    "diff",
    "show which rows differ between two scorings of a night, or between two nights",
    "assay diff 2013-07-01 --with v0.2.0",
    keys="old new rows changes.mean? changes.largest thresholds_differ up? down? file? "
    "rows_written?",
)
def diff(
    call: Call,
    night: Annotated[str, Option("a published night", "NIGHT")],
    other: Annotated[str | None, Option("another one, its rows paired by key", "NIGHT2")] = None,
    *,
    version: Annotated[
        str | None,
        Option(
            "its newest run by this version: planned, held or replaced since", "VERSION", "--with"
        ),
    ] = None,
    turn: Annotated[
        int | None,
        Option("what readers saw of it when that had changed N times", "N", parse=positive_number),
    ] = None,
    by: Annotated[
        float, Option("a score moved if it changed by more (0)", "X", parse=distance)
    ] = 0.0,
    out: Annotated[
        Path | None, Option("write all rows that differ, .parquet or .csv", "FILE")
    ] = None,
    show_private: ShowPrivate = None,
) -> object:
    from assay.score.operations import difference

    return difference.run(*call.project, night, other, version, turn, by, out, show_private)


CARE = Group("look after nights")


@CARE(
    "monitor",
    "compare published nights with the bundle's reference; exit 4 if the last one crossed a limit "
    "or an incident is open",
    "assay monitor --from 2013-07-01 --to 2013-07-31",
    words="monitoring.monitor_lines",
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


@CARE(
    "labels",
    "take truths that arrived late, and measure how well their nights were scored",
    "assay labels --date 2013-07-01 --rows truths.csv",
    words="nights.labels_lines",
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


@CARE(
    "window",
    "move the training and holdout windows of params.yaml to the newest nights with labels",
    "assay window --if-advised && dvc repro",
    keys="moved days? train holdout why",
)
def window(
    call: Call,
    *,
    if_advised: Annotated[bool, Option("only if monitor --retrain-if says to train again")] = False,
) -> object:
    from assay.performance import retrain

    moved = retrain.move_window(*call.project, if_advised=if_advised)
    write_step_output("moved", str(moved.days > 0).lower())
    return moved


@CARE(
    "alert",
    "write what is open to reports/ and send what is new; exit 60 if it did not arrive",
    "assay alert --issues",
    words="monitoring.alert_lines",
)
def alert(
    call: Call,
    *,
    issues: Annotated[
        bool,
        Option("in CI: also keep an issue while an incident is open; exit 61 if it was not taken"),
    ] = False,
) -> object:
    from assay.hosting.issues import keep_issue
    from assay.monitor.incidents import alert

    return alert.run(*call.project, keep_issue if issues else None)


@CARE(
    "vacuum",
    "delete what dead runs left, versions that were replaced long ago, and rows that are older "
    "than retention in params.yaml says",
    "assay vacuum --dry-run",
    keys="store dry_run keep_days tables expired?",
)
def vacuum(
    call: Call,
    *,
    keep_days: Annotated[int | None, Option("of replaced nights (publish.keep_days)", "N")] = None,
    dry_run: Annotated[bool, Option("only say what would be deleted")] = False,
) -> object:
    from assay.ops import forget

    return forget.vacuum(*call.project, keep_days, dry_run)


@CARE(
    "forget",
    "delete a person's rows from all tables of the store, their files and former versions",
    "assay forget --key customer=4711 --because 'asked us to on 2 May'",
    keys="dry_run keys unknown rows nights rewritten unusable? forgotten_before? left(where,how)",
)
def forget(
    call: Call,
    *,
    because: Because,
    key: Annotated[
        Sequence[str],
        Option("COLUMN=VALUE of the key's columns, or of some: all rows with these values", "KEY"),
    ] = (),
    keys: Annotated[
        Path | None, Option("columns of the key, .csv, .jsonl or .parquet", "FILE")
    ] = None,
    dry_run: Annotated[bool, Option("only say what would be deleted")] = False,
) -> object:
    from assay.ops import forget

    return forget.run(*call.project, key, keys, because, dry_run)


@CARE(
    "fsck",
    "look the store over for damage, as of a power cut; exit 52 if any is left",
    "assay fsck --fix",
    keys="store damages",
)
def fsck(
    call: Call,
    *,
    fix: Annotated[bool, Option("fix what loses no row that could still be read")] = False,
) -> object:
    from assay.score.operations import store_commands

    return store_commands.fsck(*call.project, fix=fix)
