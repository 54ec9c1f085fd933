"""Make a model: the stages that ``dvc repro`` runs, and what may be asked about the gate."""

from __future__ import annotations

import argparse

from assay.cli.adder import Adder, answer, call


def add_commands(add: Adder) -> None:
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
    add("rehearse", "score holdout rows as a night would, and compare", "assay rehearse", _rehearse)
    gate = add("gate", "decide whether the selected bundle may be promoted", "assay gate", _gate)
    _add_questions(gate)


def _add_questions(gate: argparse.ArgumentParser) -> None:
    """What may be asked about the gate's decisions: ``assay gate`` alone decides."""
    add = Adder(gate.add_subparsers(title="commands", metavar="COMMAND"), beneath=True)
    explain = add(
        "explain",
        "say how a rule's number came about",
        "assay gate explain 'no airport is left behind'",
        _explain,
    )
    explain.add_argument("rule", metavar="RULE", help="its name under gate.rules in params.yaml")
    add(
        "verdict",
        "say the verdict that is there, if it is about what is here; exit 3 unless it is PASS",
        "assay gate verdict",
        _verdict,
    )
    add(
        "backtest",
        "what the policy in params.yaml would have said of earlier versions",
        "assay gate backtest",
        _backtest,
    )


def _code(given: argparse.Namespace) -> None:
    from assay.registry.lock import assay_code

    call(assay_code.run, given)


def _ingest(given: argparse.Namespace) -> None:
    from assay.training.tables import ingest

    call(ingest.run, given)


def _contract(given: argparse.Namespace) -> None:
    from assay.contract import stage

    call(stage.run, given)


def _prepare(given: argparse.Namespace) -> None:
    from assay.training.tables import prepare

    call(prepare.run, given)


def _leakage(given: argparse.Namespace) -> None:
    from assay.training.leakage import stage

    call(stage.run, given)


def _train(given: argparse.Namespace) -> None:
    from assay.training.train import stage

    call(stage.run, given, given.candidate)


def _select(given: argparse.Namespace) -> None:
    from assay.training.train import select

    call(select.run, given)


def _evaluate(given: argparse.Namespace) -> None:
    from assay.evaluation.evaluate import stage

    call(stage.run, given)


def _champion(given: argparse.Namespace) -> None:
    from assay.registry import champion

    call(champion.run, given)


def _compare(given: argparse.Namespace) -> None:
    from assay.cli.show import comparison
    from assay.evaluation.compare import stage
    from assay.project import jsonfile

    answer(
        stage.run,
        given,
        lines=comparison.lines,
        document=lambda found: jsonfile.dumps(found.tree()),
    )


def _rehearse(given: argparse.Namespace) -> None:
    from assay.evaluation.rehearse import stage

    call(stage.run, given)


def _gate(given: argparse.Namespace) -> None:
    from assay.gate import stage

    call(stage.run, given)


def _explain(given: argparse.Namespace) -> None:
    from assay.gate import explain

    call(explain.run, given, given.rule)


def _verdict(given: argparse.Namespace) -> None:
    from assay.gate import command

    call(command.run, given)


def _backtest(given: argparse.Namespace) -> None:
    from assay.gate import backtest

    call(backtest.run, given)
