"""Commands for scoring: score, release, retract, quarantine and export."""

from pathlib import Path
from typing import Annotated, Literal

from assay.cli.command import Call, Group, Option
from assay.cli.options import Because, First, Last, Published, night_range
from assay.errors import UsageError

Night = Annotated[str | None, Option("a night", "DAY")]
Run = Annotated[str | None, Option("a run of it that is held or published", "RUN")]
RunId = Annotated[str, Option("as assay score named it", "RUN")]

command = Group("score nights")


@command(
    "score",
    "score nights with the promoted version and publish them",
    "assay score --from 2013-07-01 --to 2013-07-07",
    shown="scoring.lines",
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
            "every night that has input and nothing published, from the first published one on, "
            "at first from the day after the holdout (or from --from, up to --to); held nights "
            "wait for a person"
        ),
    ] = False,
    force: Annotated[bool, Option("also what is published already from the same input")] = False,
    carrier: Annotated[
        Literal["auto", "local", "files"] | None,
        Option("how rows reach the model (score.carrier in params.yaml)"),
    ] = None,
) -> object:
    from assay.cli.progress import make_progress_line
    from assay.score import stage

    sink = make_progress_line()
    if not due:
        nights = night_range(call, date, first, last, ", or --due")
        return stage.run(*call.project, *nights, force=force, carrier=carrier, sink=sink)
    if date is not None or force:
        raise UsageError(
            "the nights that are due have nothing published",
            where="assay score --due",
            expected="neither --date nor --force; --from DAY and --to DAY leave out other nights",
            found="--force" if date is None else f"--date {date}",
        )
    return stage.run_due(*call.project, first, last, carrier=carrier, sink=sink)


@command(
    "release",
    "publish a run that was held",
    "assay release 20130702T021503Z-1f9c5a20 --because 'the carnival explains the extra rows'",
    shown="store.release_lines",
    front=True,
)
def release(call: Call, run_id: RunId, *, because: Because) -> object:
    from assay.score.operations import release

    return release.release(*call.project, run_id, because=because)


@command(
    "retract",
    "take a published run back",
    "assay retract 20130702T021503Z-1f9c5a20 --because 'the export was of another day'",
    shown="store.retract_lines",
    front=True,
)
def retract(call: Call, run_id: RunId, *, because: Because) -> object:
    from assay.score.operations import release

    return release.retract(*call.project, run_id, because=because)


command.parent(
    "quarantine",
    "rows that were refused: show, export, score again",
    "assay quarantine show --date 2013-07-01",
)


@command(
    "quarantine show",
    "count a night's refused rows by rule, with examples",
    "assay quarantine show --date 2013-07-01",
    shown="quarantine.show_lines",
)
def quarantine_show(call: Call, *, date: Night = None, run: Run = None) -> object:
    from assay.score.operations import quarantine

    return quarantine.show(*call.project, *_night_or_run(call, date, run))


@command(
    "quarantine export",
    "write a night's refused rows to a file, to be repaired",
    "assay quarantine export --date 2013-07-01",
    shown="quarantine.export_lines",
)
def quarantine_export(
    call: Call,
    *,
    out: Annotated[
        Path | None, Option("ends in .csv or .jsonl (exports/refused-DAY.csv)", "FILE")
    ] = None,
    date: Night = None,
    run: Run = None,
) -> object:
    from assay.score.operations import quarantine

    return quarantine.export(*call.project, *_night_or_run(call, date, run), out)


def _night_or_run(call: Call, date: str | None, run: str | None) -> tuple[str | None, str | None]:
    if date is None and run is None:
        raise UsageError(
            "say which rows", where=f"assay {call.command.name}", expected="--date or --run"
        )
    return date, run


@command(
    "quarantine replay",
    "score repaired rows with the version that scored their night, and merge them into it",
    "assay quarantine replay --date 2013-07-01 --rows exports/refused-2013-07-01.csv "
    "--because 'carrier fixed'",
    shown="quarantine.replay_lines",
    front=True,
)
def quarantine_replay(
    call: Call,
    *,
    rows: Annotated[Path, Option("as quarantine export wrote it", "FILE")],
    because: Because,
    date: Published,
) -> object:
    from assay.score.operations import replay

    return replay.run(*call.project, date, rows, because=because)


@command(
    "export",
    "copy a published night's predictions to files or a database",
    "assay export --date 2013-07-01 --to csv:exports/night.csv",
    shown="store.export_lines",
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
) -> object:
    from assay.score.operations import export

    return export.run(*call.project, date, to)
