"""The subcommands: what each is called, what it takes, which function it calls.

A function takes the project's root, its parameters, and what the command line says. It is
imported when its command runs, so that no command waits for what only others need.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.errors import DataError, RunError, StoreError, UsageError

Command = Callable[[argparse.Namespace], Any]


class Adder:
    """Adds subcommands that all have an example, ``--root`` and ``--json``.

    ``beneath`` a command that takes these itself, they may stand before or after the name.
    """

    def __init__(self, commands: Any, beneath: bool = False) -> None:
        self._commands = commands
        self._beneath = beneath

    def __call__(self, name: str, help: str, example: str, run: Command) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = self._commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"Example: {example}",
        )
        # A default here would replace what was given before the name.
        folder, flag = (argparse.SUPPRESS,) * 2 if self._beneath else (Path(), False)
        sub.add_argument("--root", type=Path, default=folder, help="the project's folder (here)")
        sub.add_argument(
            "--json", action="store_true", default=flag, help="print one JSON document instead"
        )
        sub.set_defaults(command=run, name=name)
        return sub

    def group(self, name: str, help: str) -> Adder:
        """A command that has commands of its own."""
        sub = self._commands.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + "."
        )
        return Adder(sub.add_subparsers(title="commands", metavar="COMMAND", required=True))


def make_a_model(add: Adder) -> None:
    """The stages that ``dvc repro`` runs."""

    def stage(arguments: argparse.Namespace) -> None:
        _call(f"pipeline.{arguments.name}.stage", "run", arguments)

    add("ingest", "read the source into data/raw, one folder a night", "assay ingest", stage)
    add("contract", "check data/raw against the contract", "assay contract --json", stage)
    add("prepare", "split the checked rows into training and holdout", "assay prepare", stage)
    add(
        "leakage",
        "look for what training may know of the holdout, and for features that come too late",
        "assay leakage --json",
        stage,
    )
    train = add(
        "train",
        "train one candidate of params.yaml",
        "assay train boosting",
        lambda given: _call("pipeline.train.stage", "run", given, given.candidate),
    )
    train.add_argument("candidate", help="a name under train.candidates in params.yaml")
    add(
        "select",
        "choose the best candidate's bundle",
        "assay select",
        lambda given: _call("pipeline.train.select", "run", given),
    )
    add("evaluate", "measure the selected bundle on the holdout", "assay evaluate", stage)
    add(
        "champion",
        "fetch the version that holds the stage, to compare with",
        "assay champion",
        lambda given: _call("pipeline.registry.champion", "run", given),
    )
    add("compare", "measure it beside the champion on the same rows", "assay compare", stage)
    add("rehearse", "score holdout rows as a night would, and compare", "assay rehearse", stage)
    _gate(add("gate", "decide whether the selected bundle may be promoted", "assay gate", stage))


def choose_a_version(add: Adder) -> None:
    """Versions and stages."""
    promote = add(
        "promote",
        "make the gated bundle at HEAD a version and give it the stage",
        "assay promote --because 'weather features'",
        lambda given: _call_and_front(
            "pipeline.gate.promotion",
            "promote",
            given,
            because=given.because,
            stage=given.stage,
            bump=given.bump,
            override=given.override,
        ),
    )
    promote.add_argument("--because", metavar="WHY", help="kept with the version for good")
    promote.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    promote.add_argument(
        "--bump", choices=("major", "minor", "patch"), default="minor", help="(minor)"
    )
    promote.add_argument(
        "--override",
        action="store_true",
        help="although the gate did not pass; needs --because, and shows for good",
    )
    rollback = add(
        "rollback",
        "give the stage back to an earlier version",
        "assay rollback --because 'scores too high since Tuesday'",
        lambda given: _call_and_front(
            "pipeline.registry.promote",
            "rollback",
            given,
            because=given.because,
            to=given.to,
            stage=given.stage,
        ),
    )
    rollback.add_argument("--because", metavar="WHY", required=True, help="kept for good")
    rollback.add_argument("--to", metavar="VERSION", help="such as v0.1.0 (the one before)")
    rollback.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    versions = add(
        "versions",
        "list versions and who promoted what, on what evidence, and why",
        "assay versions --stage prod",
        lambda given: _call("pipeline.registry.listing", "list_versions", given, stage=given.stage),
    )
    versions.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    check = add(
        "check",
        "tell whether dvc.lock is current, without data or cache; exit 5 if it is not",
        "assay check --lock",
        lambda given: _call("pipeline.registry.lock", "run", given, lock=given.lock),
    )
    check.add_argument("--lock", action="store_true", help="is dvc.lock current?")


def score_nights(add: Adder) -> None:
    """Scoring, and what is decided about a scored night."""
    score = add(
        "score",
        "score nights with the promoted version and publish them",
        "assay score --from 2013-07-01 --to 2013-07-07",
        _score,
    )
    score.add_argument("--date", metavar="DAY", help="one night, such as 2013-07-01")
    score.add_argument("--from", dest="first", metavar="DAY", help="the first of several nights")
    score.add_argument("--to", dest="last", metavar="DAY", help="the last of them")
    score.add_argument(
        "--force", action="store_true", help="also what is published already from the same input"
    )
    score.add_argument(
        "--carrier",
        choices=("auto", "files", "dataframe"),
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
            lambda given: _call_and_front(
                "pipeline.score.release", given.name, given, given.run_id, because=given.because
            ),
        )
        decide.add_argument("run_id", metavar="RUN", help="as assay score named it")
        decide.add_argument("--because", metavar="WHY", required=True, help="kept for good")


def look_after_nights(add: Adder) -> None:
    """What comes after a night: its refused rows, its copies, its report."""
    export = add(
        "export",
        "copy a published night's predictions to files or a database",
        "assay export --date 2013-07-01 --to csv:exports/night.csv",
        lambda given: _call("pipeline.score.export", "run", given, given.date, given.to),
    )
    export.add_argument("--date", metavar="DAY", required=True, help="a published night")
    export.add_argument(
        "--to",
        metavar="TARGET",
        required=True,
        help="parquet:FOLDER, csv:FILE or postgresql://USER@HOST:PORT/DATABASE?table=NAME",
    )
    vacuum = add(
        "vacuum",
        "delete what dead runs left and versions that were replaced long ago",
        "assay vacuum --dry-run",
        lambda given: _call("pipeline.score.vacuum", "run", given, given.keep_days, given.dry_run),
    )
    vacuum.add_argument(
        "--keep-days", type=int, metavar="N", help="of replaced nights (publish.keep_days)"
    )
    vacuum.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    fsck = add(
        "fsck",
        "look the store over for damage, as a power cut can leave it; exit 52 if there is any left",
        "assay fsck --mend",
        lambda given: _call("pipeline.score.fsck", "run", given, mend=given.mend),
    )
    fsck.add_argument(
        "--mend", action="store_true", help="mend what loses no row that could still be read"
    )
    pack = add(
        "pack",
        "build the archive that a Spark cluster's executors work from",
        "assay pack --out build/assay-pack.tar.gz",
        lambda given: _call("pipeline.score.pack", "run", given, given.out),
    )
    pack.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        default=Path("build/assay-pack.tar.gz"),
        help="(build/assay-pack.tar.gz)",
    )
    monitor = add(
        "monitor",
        "compare published nights with the bundle's reference; exit 4 if a limit is crossed, "
        "or of several nights if an incident is open at the end",
        "assay monitor --from 2013-07-01 --to 2013-07-31",
        _monitor,
    )
    monitor.add_argument("--date", metavar="DAY", help="one published night")
    monitor.add_argument("--from", dest="first", metavar="DAY", help="the first of several nights")
    monitor.add_argument("--to", dest="last", metavar="DAY", help="the last of them")
    monitor.add_argument(
        "--retrain-if",
        action="store_true",
        help="instead: do the rules under monitor.retrain say to train again? exit 6 if so",
    )
    monitor.add_argument(
        "--notify", action="store_true", help="then tell what is new, as assay alert does"
    )
    _tell(add)
    drift = add(
        "drift",
        "compare a table with the promoted version's reference, without scoring it; exit 4 if a "
        "limit is crossed",
        "assay drift data/new.parquet",
        lambda given: _call(
            "pipeline.drift.command",
            "run",
            given,
            given.table,
            given.date,
            given.bundle,
            spark=given.spark,
        ),
    )
    drift.add_argument(
        "table",
        metavar="TABLE",
        nargs="?",
        help="a Parquet file, a folder of them, or a Delta table",
    )
    drift.add_argument("--date", metavar="DAY", help="instead: a night of score.input")
    drift.add_argument(
        "--bundle", type=Path, metavar="PATH", help="a bundle to compare with (the promoted one)"
    )
    drift.add_argument(
        "--spark", action="store_true", help="count by a Spark job, also on this machine alone"
    )
    labels = add(
        "labels",
        "take truths that arrived late, and measure how well their nights were scored",
        "assay labels --date 2013-07-01 --rows truths.csv",
        _labels,
    )
    labels.add_argument("--date", metavar="DAY", help="one night, such as 2013-07-01")
    labels.add_argument("--from", dest="first", metavar="DAY", help="the first of several nights")
    labels.add_argument("--to", dest="last", metavar="DAY", help="the last of them")
    labels.add_argument(
        "--rows",
        type=Path,
        metavar="FILE",
        help="keys and truths, .csv, .jsonl or .parquet (labels.input in params.yaml)",
    )
    labels.add_argument(
        "--arrived", metavar="WHEN", help="when they arrived, if before now: 2013-07-03"
    )
    performance = add(
        "performance",
        "show a metric of each night, as estimated and as it turned out",
        "assay performance --metric auc --by week",
        lambda given: _call(
            "pipeline.monitor.beside",
            "run",
            given,
            given.metric,
            given.slice,
            given.maturity,
            week=given.by == "week",
        ),
    )
    performance.add_argument("--metric", required=True, help="such as auc, brier, mean_observed")
    performance.add_argument("--slice", default="", help="such as origin=JFK (all rows)")
    performance.add_argument(
        "--maturity", type=int, metavar="DAYS", help="(the first of monitor.maturities)"
    )
    performance.add_argument("--by", choices=("night", "week"), default="night", help="(night)")
    explain = add(
        "explain-night",
        "say why a night's scores and decisions differ from those of an earlier night",
        "assay explain-night --date 2013-07-02 --against 2013-07-01",
        lambda given: _call(
            "pipeline.monitor.explain_night", "run", given, given.date, given.against
        ),
    )
    explain.add_argument("--date", metavar="DAY", required=True, help="a published night")
    explain.add_argument(
        "--against", metavar="DAY", help="the night to compare with (the published one before)"
    )
    add(
        "status",
        "where things stand: champion, last night, quarantine, drift",
        "assay status",
        lambda given: _call("pipeline.monitor.status", "run", given),
    )
    _quarantine(add.group("quarantine", "rows that were refused: show, export, score again"))


def _tell(add: Adder) -> None:
    """What people see of all nights together."""
    front = add(
        "front",
        "write reports/index.html: the last nights at a glance",
        "assay front --nights 90",
        lambda given: _call("pipeline.monitor.front.command", "run", given, given.nights),
    )
    front.add_argument(
        "--nights", type=_positive, metavar="N", default=90, help="how many nights (90)"
    )
    report = add(
        "report",
        "put the published nights of a week on one page, their counts merged",
        "assay report --week 2013-W36",
        lambda given: _call("pipeline.monitor.report.week", "run", given, given.week),
    )
    report.add_argument(
        "--week", metavar="WEEK", required=True, help="of ISO 8601, Monday to Sunday: 2013-W36"
    )
    ui = add(
        "ui",
        "serve the Evidently dashboard of the monitored nights, on loopback",
        "assay ui --port 8000",
        lambda given: _call("pipeline.monitor.report.serve", "run", given, given.host, given.port),
    )
    ui.add_argument(
        "--host", default="127.0.0.1", help="where to listen (127.0.0.1: this machine alone)"
    )
    ui.add_argument("--port", type=_port, default=8000, help="(8000; 0 takes one that is free)")
    add(
        "alert",
        "write what is open to reports/ and send what is new; exit 60 if it did not arrive",
        "assay alert",
        lambda given: _call("pipeline.monitor.alerts.command", "run", given),
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found '{text}'")
    return int(text)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found '{text}'")
    return int(text)


def _quarantine(add: Adder) -> None:
    show = add(
        "show",
        "count a night's refused rows by rule, with examples",
        "assay quarantine show --date 2013-07-01",
        lambda given: _call("pipeline.score.quarantine", "show", given, *_night_or_run(given)),
    )
    export = add(
        "export",
        "write a night's refused rows to a file, to be repaired",
        "assay quarantine export --date 2013-07-01",
        lambda given: _call(
            "pipeline.score.quarantine",
            "export",
            given,
            *_night_or_run(given),
            given.out,
            given.spreadsheet,
        ),
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
        lambda given: _call_and_front(
            "pipeline.score.replay", "run", given, given.date, given.rows, because=given.because
        ),
    )
    replay.add_argument(
        "--rows", type=Path, required=True, metavar="FILE", help="as quarantine export wrote it"
    )
    replay.add_argument("--because", metavar="WHY", required=True, help="kept for good")
    replay.add_argument("--date", metavar="DAY", required=True, help="a published night")
    for sub in (show, export):
        sub.add_argument("--date", metavar="DAY", help="a night")
        sub.add_argument("--run", metavar="RUN", help="a run of it that is held or published")


def _night_or_run(given: argparse.Namespace) -> tuple[str | None, str | None]:
    if given.date is None and given.run is None:
        raise UsageError(
            "say which rows", where=f"assay quarantine {given.name}", expected="--date or --run"
        )
    return given.date, given.run


def _gate(gate: argparse.ArgumentParser) -> None:
    """What may be asked about the gate's decisions: ``assay gate`` alone decides."""
    add = Adder(gate.add_subparsers(title="commands", metavar="COMMAND"), beneath=True)
    explain = add(
        "explain",
        "say how a rule's number came about",
        "assay gate explain 'no airport is left behind'",
        lambda given: _call("pipeline.gate.explain", "run", given, given.rule),
    )
    explain.add_argument("rule", metavar="RULE", help="its name under gate.rules in params.yaml")
    add(
        "verdict",
        "say the verdict that is there, if it is about what is here; exit 3 unless it is PASS",
        "assay gate verdict",
        lambda given: _call("pipeline.gate.asked_again", "run", given),
    )
    add(
        "backtest",
        "what the policy in params.yaml would have said of earlier versions",
        "assay gate backtest",
        lambda given: _call("pipeline.gate.backtest", "run", given),
    )


def _score(given: argparse.Namespace) -> None:
    first, last = _nights(given)
    _call_and_front(
        "pipeline.score.stage",
        "run",
        given,
        first,
        last,
        force=given.force,
        carrier=given.carrier,
    )


def _labels(given: argparse.Namespace) -> None:
    first, last = _nights(given)
    _call_and_front("pipeline.monitor.labels", "run", given, first, last, given.rows, given.arrived)


def _monitor(given: argparse.Namespace) -> None:
    if given.retrain_if:
        _call("pipeline.monitor.retrain", "run", given, given.date)
        return
    first, last = _nights(given)
    if given.date is not None:
        _call("pipeline.monitor.stage", "run", given, first, notify=given.notify)
    else:
        _call("pipeline.monitor.several", "run", given, first, last, notify=given.notify)


def _nights(given: argparse.Namespace) -> tuple[str, str]:
    """The first and the last night that ``--date`` or ``--from`` and ``--to`` name."""
    one, first, last = given.date, given.first, given.last
    if (one is None) == (first is None and last is None) or (first is None) != (last is None):
        raise UsageError(
            "say which nights",
            where=f"assay {given.name}",
            expected="--date DAY, or --from DAY --to DAY",
        )
    return one or first, one or last


def _call(module: str, function: str, given: argparse.Namespace, *rest: Any, **more: Any) -> Any:
    from pipeline.params import load

    root = given.root.resolve()
    run = getattr(import_module(module), function)
    return run(root, load(root), *rest, as_json=given.json, **more)


def _call_and_front(
    module: str, function: str, given: argparse.Namespace, *rest: Any, **more: Any
) -> Any:
    """The same, and then the front page: a held night and a new champion are on it at once."""
    try:
        done = _call(module, function, given, *rest, **more)
    except (DataError, RunError) as error:
        if not isinstance(error, StoreError):
            _front(given)
        raise
    _front(given)
    return done


def _front(given: argparse.Namespace) -> None:
    from pipeline.monitor.front.command import keep_up
    from pipeline.params import load

    root = given.root.resolve()
    keep_up(root, load(root))
