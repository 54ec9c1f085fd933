"""Commands for scoring: score, release, retract, quarantine and export."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from assay.cli.commands import (
    CommandBuilder,
    add_night_options,
    parse_night_range,
    refresh_front_page,
    run_command,
    to_indented_json,
    to_json_line,
)
from assay.errors import UsageError


def add_commands(add: CommandBuilder) -> None:
    """Scoring first, then commands about scored nights."""
    score = add(
        "score",
        "score nights with the promoted version and publish them",
        "assay score --from 2013-07-01 --to 2013-07-07",
        _score,
    )
    add_night_options(score, "one night, such as 2013-07-01")
    score.add_argument(
        "--due",
        action="store_true",
        help="every night that has input and nothing published, from the first published one on, "
        "at first from the day after the holdout (or from --from, up to --to); held nights wait "
        "for a person",
    )
    score.add_argument(
        "--force", action="store_true", help="also what is published already from the same input"
    )
    score.add_argument(
        "--carrier",
        choices=("auto", "local", "files", "dataframe"),
        help="how rows reach the model (score.carrier in params.yaml)",
    )
    for name, help, example in (
        ("release", "publish a run that was held", "the carnival explains the extra rows"),
        ("retract", "take a published run back", "the export was of another day"),
    ):
        decide = add(
            name,
            help,
            f"assay {name} 20130702T021503Z-1f9c5a20 --because '{example}'",
            _release if name == "release" else _retract,
        )
        decide.add_argument("run_id", metavar="RUN", help="as assay score named it")
        decide.add_argument("--because", metavar="WHY", required=True, help="kept for good")
    _add_quarantine(
        add.group(
            "quarantine",
            "rows that were refused: show, export, score again",
            "assay quarantine show --date 2013-07-01",
        )
    )
    export = add(
        "export",
        "copy a published night's predictions to files or a database",
        "assay export --date 2013-07-01 --to csv:exports/night.csv",
        _export,
    )
    export.add_argument("--date", metavar="DAY", required=True, help="a published night")
    export.add_argument(
        "--to",
        metavar="TARGET",
        required=True,
        help="parquet:FOLDER, csv:FILE, postgresql://USER@HOST:PORT/DATABASE?table=NAME or "
        "function:MODULE.NAME",
    )


def _add_quarantine(add: CommandBuilder) -> None:
    show = add(
        "show",
        "count a night's refused rows by rule, with examples",
        "assay quarantine show --date 2013-07-01",
        _show,
    )
    export = add(
        "export",
        "write a night's refused rows to a file, to be repaired",
        "assay quarantine export --date 2013-07-01",
        _export_refused,
    )
    export.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="ends in .csv or .jsonl (exports/refused-DAY.csv)",
    )
    export.add_argument(
        "--spreadsheet",
        action="store_true",
        help="mark what a spreadsheet would run as a formula; replay reads it all the same",
    )
    replay = add(
        "replay",
        "score repaired rows with the version that scored their night, and merge them into it",
        "assay quarantine replay --date 2013-07-01 --rows exports/refused-2013-07-01.csv "
        "--because 'carrier fixed'",
        _replay,
    )
    replay.add_argument(
        "--rows", type=Path, required=True, metavar="FILE", help="as quarantine export wrote it"
    )
    replay.add_argument("--because", metavar="WHY", required=True, help="kept for good")
    replay.add_argument("--date", metavar="DAY", required=True, help="a published night")
    for sub in (show, export):
        sub.add_argument("--date", metavar="DAY", help="a night")
        sub.add_argument("--run", metavar="RUN", help="a run of it that is held or published")


def _score(given: argparse.Namespace) -> None:
    from assay.cli.progress import make_progress_line
    from assay.cli.show import scoring
    from assay.score import stage

    more = {"carrier": given.carrier, "sink": make_progress_line()}
    nights: tuple[str | None, str | None]
    if given.due:
        nights = _due_range(given)
    else:
        nights = parse_night_range(given, ", or --due")
        more["force"] = given.force
    with refresh_front_page(given):
        run_command(
            stage.run_due if given.due else stage.run,
            given,
            *nights,
            **more,
            lines=scoring.lines,
            document=lambda done: json.dumps([each.to_dict() for each in done.outcomes]),
        )


def _due_range(given: argparse.Namespace) -> tuple[str | None, str | None]:
    if given.date is not None or given.force:
        raise UsageError(
            "the nights that are due have nothing published",
            where="assay score --due",
            expected="neither --date nor --force; --from DAY and --to DAY leave out other nights",
            found="--force" if given.date is None else f"--date {given.date}",
        )
    return given.first, given.last


def _release(given: argparse.Namespace) -> None:
    from assay.cli.show import store
    from assay.score.operations.release import release

    with refresh_front_page(given):
        run_command(
            release,
            given,
            given.run_id,
            because=given.because,
            lines=store.release_lines,
            document=to_indented_json,
        )


def _retract(given: argparse.Namespace) -> None:
    from assay.cli.show import store
    from assay.score.operations.release import retract

    with refresh_front_page(given):
        run_command(
            retract,
            given,
            given.run_id,
            because=given.because,
            lines=store.retract_lines,
            document=to_indented_json,
        )


def _export(given: argparse.Namespace) -> None:
    from assay.cli.show import store
    from assay.score.operations import export

    run_command(
        export.run,
        given,
        given.date,
        given.to,
        lines=store.export_lines,
        document=to_json_line,
    )


def _show(given: argparse.Namespace) -> None:
    from assay.cli.show import quarantine as quarantine_text
    from assay.score.operations import quarantine

    run_command(
        quarantine.show,
        given,
        *_night_or_run(given),
        lines=quarantine_text.show_lines,
        document=lambda found: json.dumps(found.plain(), ensure_ascii=False),
    )


def _export_refused(given: argparse.Namespace) -> None:
    from assay.cli.show import quarantine as quarantine_text
    from assay.score.operations import quarantine

    run_command(
        quarantine.export,
        given,
        *_night_or_run(given),
        given.out,
        given.spreadsheet,
        lines=quarantine_text.export_lines,
        document=to_json_line,
    )


def _replay(given: argparse.Namespace) -> None:
    from assay.cli.show import quarantine as quarantine_text
    from assay.score.operations import replay

    with refresh_front_page(given):
        run_command(
            replay.run,
            given,
            given.date,
            given.rows,
            because=given.because,
            lines=quarantine_text.replay_lines,
            document=to_json_line,
        )


def _night_or_run(given: argparse.Namespace) -> tuple[str | None, str | None]:
    if given.date is None and given.run is None:
        raise UsageError(
            "say which rows", where=f"assay quarantine {given.name}", expected="--date or --run"
        )
    return given.date, given.run
