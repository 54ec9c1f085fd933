"""Commands that make a model: the stages of ``dvc repro``, the gate, and learning together."""

import importlib
from pathlib import Path
from typing import Annotated

from assay.cli.command import (
    Call,
    First,
    Group,
    Last,
    Option,
    ShowPrivate,
    distance,
    positive_number,
    write_step_output,
)
from assay.errors import GateNotPassed, UsageError
from assay.errors.base import attach_report

MAKE = Group("make a model")
MAKE.parent(
    "stage", "one stage of dvc repro, which runs those that are due", "assay stage train boosting"
)


@MAKE(
    "stage code",
    "write down a digest of Assay's own code for each stage, so that an upgrade shows",
)
def code(call: Call) -> object:
    from assay.registry import dvc_lock

    return dvc_lock.write_code_digests(*call.project)


@MAKE("stage ingest", "read the source into data/raw, one folder a night")
def ingest(call: Call) -> object:
    from assay.training.tables import ingest

    return ingest.run(*call.project)


@MAKE(
    "stage contract",
    "check data/raw against the contract",
    "assay stage contract --json",
    words="stages.contract_lines",
)
def contract(call: Call) -> object:
    from assay.contract import stage

    _refuse_early(call)
    return stage.run(*call.project)


def _refuse_early(call: Call) -> None:
    """Refuse rules that the gate could only fail, before something is trained for them."""
    from assay.contract.loader import load_contract
    from assay.gate.rules import kinds

    root, params = call.project
    file = params.contract.file
    kinds.refuse_early(params, load_contract(root / file, file, root=root))


@MAKE("stage prepare", "split the checked rows into training and holdout")
def prepare(call: Call) -> object:
    from assay.training.tables import prepare

    return prepare.run(*call.project)


@MAKE(
    "stage leakage",
    "look for what training may know of the holdout, and for features that come too late",
    "assay stage leakage --json",
    keys="checks(check,outcome,observed,limit,detail,examples)",
)
def leakage(call: Call) -> object:
    from assay.training.leakage import stage

    return stage.run(*call.project)


def _prepare_for_skops() -> None:
    """Import early what skops looks for in each module before it, or it takes three times as long.

    It asks for the module of each function of SciPy, which do not know it.
    """
    importlib.import_module("scipy.special")


@MAKE(
    "stage train",
    "train one candidate of params.yaml",
    "assay stage train boosting",
    words="stages.train_lines",
)
def train(
    call: Call,
    candidate: Annotated[str, Option("a name under train.candidates in params.yaml")],
) -> object:
    _prepare_for_skops()
    from assay.cli.terminal import said_on_standard_error
    from assay.training.train import stage

    _refuse_early(call)
    # LightGBM and CatBoost report their progress on standard output.
    with said_on_standard_error():
        return stage.run(*call.project, candidate)


@MAKE(
    "stage select", "choose the best candidate's bundle", keys="selected by candidates(name,{by})"
)
def select(call: Call) -> object:
    from assay.training.train import select

    return select.run(*call.project)


@MAKE(
    "stage evaluate", "measure the selected bundle on the holdout", words="stages.evaluation_lines"
)
def evaluate(call: Call) -> object:
    from assay.evaluation import evaluate as stage

    return stage.run(*call.project)


@MAKE(
    "stage champion",
    "fetch the version that holds the stage, to compare with",
    keys="state stage version? bundle? why?",
)
def champion(call: Call) -> object:
    from assay.registry import champion

    return champion.run(*call.project)


@MAKE(
    "stage compare",
    "measure it beside the champion on the same rows",
    words="stages.comparison_lines",
)
def compare(call: Call) -> object:
    from assay.evaluation import compare as stage

    return stage.run(*call.project)


@MAKE(
    "stage nights",
    "find the last nights of the input, to rehearse them",
    keys="why? nights(day,rows,why)?",
)
def nights(call: Call) -> object:
    from assay.evaluation import nights as last_nights

    return last_nights.run(*call.project)


@MAKE(
    "stage rehearse",
    "score holdout rows as a night would, and the last nights beside the champion",
    keys="why? parity(carrier,rows,seconds,differing,largest) tolerance latency_ms memory_mb? "
    "bundle_mb uncompiled? nights.why? nights.champion.why? nights.nights(day,rows,flipped,why)?",
)
def rehearse(call: Call) -> object:
    _prepare_for_skops()
    from assay.evaluation import rehearse as stage

    return stage.run(*call.project)


@MAKE(
    "stage gate",
    "decide whether the selected bundle may be promoted",
    words="verdict.gate_lines",
)
def gate(call: Call) -> object:
    from assay.gate import stage

    return stage.run(*call.project)


MAKE.parent(
    "gate", "what the gate decided of the model, and how it came about", "assay gate explain"
)


@MAKE(
    "gate explain",
    "say how a rule, behaviour or model test came about; without a name, list their outcomes",
    "assay gate explain 'no airport is left behind'",
    words="verdict.explain_lines",
)
def gate_explain(
    call: Call,
    finding: Annotated[
        str | None,
        Option("a rule, a behaviour, or a model test's node id (lists all)", "NAME"),
    ] = None,
) -> object:
    from assay.gate import explain

    if finding is None:
        return explain.list_rules(*call.project)
    return explain.run(*call.project, finding)


@MAKE(
    "gate verdict",
    "say the verdict that is there, if it is about what is here; exit 3 unless it is PASS",
    words="verdict.verdict_lines",
)
def gate_verdict(
    call: Call,
    *,
    committed: Annotated[
        bool,
        Option("it must also be about what the verdict at HEAD is about: what CI asks of its own"),
    ] = False,
) -> object:
    from assay.gate import verdict_command

    return verdict_command.run(*call.project, committed=committed)


@MAKE(
    "gate unchanged",
    "say whether the model at HEAD is a promoted version's, so that nothing has to be judged",
    words="verdict.unchanged_lines",
)
def gate_unchanged(
    call: Call,
    *,
    exit_code: Annotated[bool, Option("exit 3 if it is to be judged")] = False,
) -> object:
    from assay.gate import unchanged

    answer = unchanged.find(*call.project)
    write_step_output("unchanged", str(answer.unchanged is not None).lower())
    write_step_output("promoted", str(answer.unchanged is not None or answer.promoted).lower())
    if exit_code and answer.unchanged is None:
        error = GateNotPassed("nothing says yet whether it passes", fix="Judge it: dvc repro.")
        raise attach_report(error, answer)
    return answer


@MAKE(
    "gate access",
    "in CI: say whether a fork's pull request can be judged, or what its run may not read",
    words="verdict.access_lines",
)
def gate_access(
    call: Call,
    *,
    exit_code: Annotated[bool, Option("exit 27 if it cannot be judged")] = False,
) -> object:
    from assay.gate import verdict_command

    access = verdict_command.find_access(*call.project)
    write_step_output("access", str(access.missing is None).lower())
    if exit_code and access.missing is not None:
        raise attach_report(access.error(), access)
    return access


@MAKE(
    "gate rows",
    "compare the rows in data/raw with what the source gives now; exit 3 if they differ",
    words="verdict.rows_lines",
)
def gate_rows(call: Call) -> object:
    from assay.gate import raw_rows

    return raw_rows.run(*call.project)


@MAKE(
    "ask",
    "name the rows whose labels would settle an INCONCLUSIVE rule; with --labels, what they say",
    "assay ask --rule 'ranks well' --out exports/labels-to-find.csv",
    keys="rule metric answer.outcome? answer.value? answer.low? answer.high? answer.limit? "
    "answer.why? answer.note? list labels labels_by_random would_tell expected_error rows known "
    "unit units first last",
)
def ask(
    call: Call,
    *,
    rule: Annotated[
        str | None, Option("under gate.rules (the first that is INCONCLUSIVE)", "NAME")
    ] = None,
    first: First = None,
    last: Last = None,
    budget: Annotated[
        int | None,
        Option("how many labels (as many as would probably tell)", "N", None, positive_number),
    ] = None,
    out: Annotated[
        Path | None, Option("the list to fill in (exports/labels-to-find.csv)", "FILE")
    ] = None,
    labels: Annotated[Path | None, Option("instead: the list, filled in", "FILE")] = None,
    show_private: ShowPrivate = None,
) -> object:
    from assay.ask import command

    if labels is None:
        return command.run(*call.project, rule, first, last, budget, out, show_private=show_private)
    if any((rule, first, last, budget, out)):
        raise UsageError("the list was drawn already", where="assay ask --labels",
                         expected="no other option")  # fmt: skip
    return command.read_answer(*call.project, labels)


TOGETHER = Group("learn where rows may not leave")


@TOGETHER(
    "federate",
    "take part in learning one linear model over the rows of several sites",
    "assay federate --site JFK --folder s3://shared/federate --session 2024-06",
    words="stages.agreed_lines",
)
def federate(
    call: Call,
    *,
    site: Annotated[str, Option("which of federate.sites in params.yaml this is", "NAME")],
    folder: Annotated[str, Option("a folder or bucket that all sites reach", "PATH")],
    session: Annotated[str, Option("a name that was not used there, the same at all", "NAME")],
    patience: Annotated[
        float,
        Option("give a site up that sends nothing for so long (600)", "SECONDS", parse=distance),
    ] = 600.0,
) -> object:
    from assay.federate import command

    return command.run(*call.project, site, folder, session, patience)
