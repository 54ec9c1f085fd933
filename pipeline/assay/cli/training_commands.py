"""Commands for training and evaluation: the stages that ``dvc repro`` runs, and the gate."""

from __future__ import annotations

import argparse
import json
from typing import Any

from assay.cli.commands import (
    CommandBuilder,
    run_command,
    to_indented_json,
    to_json_line,
    to_report_text,
)
from assay.cli.terminal import said_on_standard_error
from assay.errors import GateNotPassed


def add_commands(add: CommandBuilder) -> None:
    """In the order in which they run."""
    add(
        "code",
        "write down a digest of Assay's own code for each stage, so that an upgrade shows",
        "assay code",
        _code,
    )
    add("ingest", "read the source into data/raw, one folder a night", "assay ingest", _ingest)
    add("contract", "check data/raw against the contract", "assay contract --json", _contract)
    add("prepare", "split the checked rows into training and holdout", "assay prepare", _prepare)
    add(
        "leakage",
        "look for what training may know of the holdout, and for features that come too late",
        "assay leakage --json",
        _leakage,
    )
    train = add("train", "train one candidate of params.yaml", "assay train boosting", _train)
    train.add_argument("candidate", help="a name under train.candidates in params.yaml")
    add("select", "choose the best candidate's bundle", "assay select", _select)
    add("evaluate", "measure the selected bundle on the holdout", "assay evaluate", _evaluate)
    add(
        "champion",
        "fetch the version that holds the stage, to compare with",
        "assay champion",
        _champion,
    )
    add("compare", "measure it beside the champion on the same rows", "assay compare", _compare)
    add("nights", "find the last nights of the input, to rehearse them", "assay nights", _nights)
    add(
        "rehearse",
        "score holdout rows as a night would, and the last nights beside the champion",
        "assay rehearse",
        _rehearse,
    )
    gate = add("gate", "decide whether the selected bundle may be promoted", "assay gate", _gate)
    _add_questions(gate)


def _add_questions(gate: argparse.ArgumentParser) -> None:
    """Add queries about the gate's decisions, which only ``assay gate`` itself makes."""
    add = CommandBuilder(gate.add_subparsers(title="commands", metavar="COMMAND"), beneath=True)
    explain = add(
        "explain",
        "say how a rule, behaviour or model test came about; without a name, list their outcomes",
        "assay gate explain 'no airport is left behind'",
        _explain,
    )
    explain.add_argument(
        "finding",
        metavar="NAME",
        nargs="?",
        help="as the verdict prints it: of a rule, of a behaviour, or a model test's node id "
        "(all of them, to choose from)",
    )
    verdict = add(
        "verdict",
        "say the verdict that is there, if it is about what is here; exit 3 unless it is PASS",
        "assay gate verdict",
        _verdict,
    )
    verdict.add_argument(
        "--committed",
        action="store_true",
        help="it must also be about what the verdict at HEAD is about: what CI asks of its own",
    )
    unchanged = add(
        "unchanged",
        "say whether the model at HEAD is a promoted version's, so that nothing has to be judged",
        "assay gate unchanged",
        _unchanged,
    )
    unchanged.add_argument("--exit-code", action="store_true", help="exit 3 if it is to be judged")
    access = add(
        "access",
        "in CI: say whether a fork's pull request can be judged, or what its run may not read",
        "assay gate access",
        _access,
    )
    access.add_argument("--exit-code", action="store_true", help="exit 27 if it cannot be judged")
    add(
        "rows",
        "compare the rows in data/raw with what the source gives now; exit 3 if they differ",
        "assay gate rows",
        _rows,
    )
    add(
        "backtest",
        "what the policy in params.yaml would have said of earlier versions",
        "assay gate backtest",
        _backtest,
    )


def _code(given: argparse.Namespace) -> None:
    from assay.cli.show import lock
    from assay.project import jsonfile
    from assay.registry.dvc_lock import assay_code

    run_command(
        assay_code.run,
        given,
        lines=lock.code_lines,
        document=lambda digests: jsonfile.dumps(assay_code.document(digests)),
    )


def _ingest(given: argparse.Namespace) -> None:
    from assay.cli.show import training
    from assay.training.tables import ingest

    run_command(ingest.run, given, lines=training.ingest_lines, document=to_json_line)


def _contract(given: argparse.Namespace) -> None:
    from assay.cli.show import contract
    from assay.contract import stage

    run_command(stage.run, given, lines=contract.lines, document=to_report_text)


def _prepare(given: argparse.Namespace) -> None:
    from assay.cli.show import training
    from assay.training.tables import prepare

    run_command(
        prepare.run,
        given,
        lines=training.prepare_lines,
        document=lambda sides: json.dumps({name: side.plain() for name, side in sides.items()}),
    )


def _leakage(given: argparse.Namespace) -> None:
    from assay.cli.show import leakage
    from assay.training.leakage import stage

    run_command(
        stage.run,
        given,
        lines=leakage.lines,
        document=to_report_text,
    )


def _train(given: argparse.Namespace) -> None:
    from assay.cli.show import training
    from assay.training.train import stage

    def run(*given: Any) -> stage.TrainSummary:
        # LightGBM and CatBoost report their progress on standard output.
        with said_on_standard_error():
            return stage.run(*given)

    run_command(run, given, given.candidate, lines=training.train_lines, document=to_json_line)


def _select(given: argparse.Namespace) -> None:
    from assay.cli.show import training
    from assay.training.train import select

    run_command(
        select.run,
        given,
        lines=training.select_lines,
        document=lambda found: json.dumps(found.tree()),
    )


def _evaluate(given: argparse.Namespace) -> None:
    from assay.cli.show import evaluation
    from assay.evaluation.evaluate import stage

    run_command(
        stage.run,
        given,
        lines=evaluation.lines,
        document=to_report_text,
    )


def _champion(given: argparse.Namespace) -> None:
    from assay.cli.show import versions
    from assay.registry import champion

    run_command(
        champion.run,
        given,
        lines=versions.champion_lines,
        document=to_report_text,
    )


def _compare(given: argparse.Namespace) -> None:
    from assay.cli.show import comparison
    from assay.evaluation.compare import stage

    run_command(stage.run, given, lines=comparison.lines, document=to_report_text)


def _nights(given: argparse.Namespace) -> None:
    from assay.cli.show import rehearsal
    from assay.evaluation.rehearse import last_nights

    run_command(last_nights.run, given, lines=rehearsal.night_lines, document=to_report_text)


def _rehearse(given: argparse.Namespace) -> None:
    from assay.cli.show import rehearsal
    from assay.evaluation.rehearse import stage

    run_command(stage.run, given, lines=rehearsal.lines, document=to_report_text)


def _gate(given: argparse.Namespace) -> None:
    from assay.cli.show import verdict
    from assay.gate import stage

    run_command(
        stage.run,
        given,
        lines=verdict.gate_lines,
        document=lambda found: found.verdict.text(),
    )


def _explain(given: argparse.Namespace) -> None:
    from assay.cli.show import explanation
    from assay.gate import explain

    if given.finding is None:
        run_command(
            explain.list_rules, given, lines=explanation.list_lines, document=to_indented_json
        )
        return
    run_command(
        explain.run, given, given.finding, lines=explanation.lines, document=to_indented_json
    )


def _verdict(given: argparse.Namespace) -> None:
    from assay.cli.show import verdict
    from assay.gate import verdict_command
    from assay.gate.unchanged import Unchanged

    run_command(
        verdict_command.run,
        given,
        committed=given.committed,
        lines=verdict.verdict_lines,
        document=lambda found: (
            to_indented_json(found) if isinstance(found, Unchanged) else to_report_text(found)
        ),
    )


def _unchanged(given: argparse.Namespace) -> None:
    from assay.cli import step_output
    from assay.cli.show import verdict
    from assay.gate import unchanged

    found = run_command(
        unchanged.find, given, lines=verdict.unchanged_lines, document=to_indented_json
    )
    step_output.write("unchanged", str(found.unchanged is not None).lower())
    step_output.write("promoted", str(found.unchanged is not None or found.promoted).lower())
    if given.exit_code and found.unchanged is None:
        raise GateNotPassed("nothing says yet whether it passes", mend="Judge it: dvc repro.")


def _access(given: argparse.Namespace) -> None:
    from assay.cli import step_output
    from assay.cli.show import verdict
    from assay.gate import access

    found = run_command(access.find, given, lines=verdict.access_lines, document=to_indented_json)
    step_output.write("access", str(found.missing is None).lower())
    if given.exit_code and found.missing is not None:
        raise found.error()


def _rows(given: argparse.Namespace) -> None:
    from assay.gate import raw_rows

    run_command(
        raw_rows.run,
        given,
        lines=lambda found: [found.sentence],
        document=lambda found: json.dumps(found.tree()),
    )


def _backtest(given: argparse.Namespace) -> None:
    from assay.cli.show import verdict
    from assay.gate import backtest

    run_command(backtest.run, given, lines=verdict.backtest_lines, document=to_indented_json)
