"""Commands for training and evaluation: the stages that ``dvc repro`` runs, and the gate."""

from typing import Annotated

from assay.cli.command import Call, Group, Option
from assay.errors import GateNotPassed
from assay.errors.base import attach_report

command = Group("make a model (dvc repro runs these)")


@command(
    "code",
    "write down a digest of Assay's own code for each stage, so that an upgrade shows",
    shown="check.code_lines",
)
def code(call: Call) -> object:
    from assay.registry import dvc_lock

    return dvc_lock.write_code_digests(*call.project)


@command(
    "ingest", "read the source into data/raw, one folder a night", shown="training.ingest_lines"
)
def ingest(call: Call) -> object:
    from assay.training.tables import ingest

    return ingest.run(*call.project)


@command(
    "contract",
    "check data/raw against the contract",
    "assay contract --json",
    shown="contract.lines",
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


@command(
    "prepare", "split the checked rows into training and holdout", shown="training.prepare_lines"
)
def prepare(call: Call) -> object:
    from assay.training.tables import prepare

    return prepare.run(*call.project)


@command(
    "leakage",
    "look for what training may know of the holdout, and for features that come too late",
    "assay leakage --json",
    shown="leakage.lines",
)
def leakage(call: Call) -> object:
    from assay.training.leakage import stage

    return stage.run(*call.project)


@command(
    "train",
    "train one candidate of params.yaml",
    "assay train boosting",
    shown="training.train_lines",
)
def train(
    call: Call,
    candidate: Annotated[str, Option("a name under train.candidates in params.yaml")],
) -> object:
    from assay.cli.terminal import said_on_standard_error
    from assay.training.train import stage

    _refuse_early(call)
    # LightGBM and CatBoost report their progress on standard output.
    with said_on_standard_error():
        return stage.run(*call.project, candidate)


@command("select", "choose the best candidate's bundle", shown="training.select_lines")
def select(call: Call) -> object:
    from assay.training.train import select

    return select.run(*call.project)


@command("evaluate", "measure the selected bundle on the holdout", shown="evaluation.lines")
def evaluate(call: Call) -> object:
    from assay.evaluation import evaluate as stage

    return stage.run(*call.project)


@command(
    "champion",
    "fetch the version that holds the stage, to compare with",
    shown="versions.champion_lines",
)
def champion(call: Call) -> object:
    from assay.registry import champion

    return champion.run(*call.project)


@command("compare", "measure it beside the champion on the same rows", shown="comparison.lines")
def compare(call: Call) -> object:
    from assay.evaluation import compare as stage

    return stage.run(*call.project)


@command(
    "nights", "find the last nights of the input, to rehearse them", shown="rehearsal.night_lines"
)
def nights(call: Call) -> object:
    from assay.evaluation import last_nights

    return last_nights.run(*call.project)


@command(
    "rehearse",
    "score holdout rows as a night would, and the last nights beside the champion",
    shown="rehearsal.lines",
)
def rehearse(call: Call) -> object:
    from assay.evaluation import rehearse as stage

    return stage.run(*call.project)


@command("gate", "decide whether the selected bundle may be promoted", shown="verdict.gate_lines")
def gate(call: Call) -> object:
    from assay.gate import stage

    return stage.run(*call.project)


@command(
    "gate explain",
    "say how a rule, behaviour or model test came about; without a name, list their outcomes",
    "assay gate explain 'no airport is left behind'",
    shown="explanation.lines",
)
def gate_explain(
    call: Call,
    finding: Annotated[
        str | None,
        Option(
            "as the verdict prints it: of a rule, of a behaviour, or a model test's node id "
            "(all of them, to choose from)",
            "NAME",
        ),
    ] = None,
) -> object:
    from assay.gate import explain

    if finding is None:
        return explain.list_rules(*call.project)
    return explain.run(*call.project, finding)


@command(
    "gate verdict",
    "say the verdict that is there, if it is about what is here; exit 3 unless it is PASS",
    shown="verdict.verdict_lines",
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


@command(
    "gate unchanged",
    "say whether the model at HEAD is a promoted version's, so that nothing has to be judged",
    shown="verdict.unchanged_lines",
)
def gate_unchanged(
    call: Call,
    *,
    exit_code: Annotated[bool, Option("exit 3 if it is to be judged")] = False,
) -> object:
    from assay.cli import step_output
    from assay.gate import unchanged

    found = unchanged.find(*call.project)
    step_output.write("unchanged", str(found.unchanged is not None).lower())
    step_output.write("promoted", str(found.unchanged is not None or found.promoted).lower())
    if exit_code and found.unchanged is None:
        error = GateNotPassed("nothing says yet whether it passes", fix="Judge it: dvc repro.")
        raise attach_report(error, found)
    return found


@command(
    "gate access",
    "in CI: say whether a fork's pull request can be judged, or what its run may not read",
    shown="verdict.access_lines",
)
def gate_access(
    call: Call,
    *,
    exit_code: Annotated[bool, Option("exit 27 if it cannot be judged")] = False,
) -> object:
    from assay.cli import step_output
    from assay.gate import verdict_command

    found = verdict_command.find_access(*call.project)
    step_output.write("access", str(found.missing is None).lower())
    if exit_code and found.missing is not None:
        raise attach_report(found.error(), found)
    return found


@command(
    "gate rows",
    "compare the rows in data/raw with what the source gives now; exit 3 if they differ",
    shown="verdict.rows_lines",
)
def gate_rows(call: Call) -> object:
    from assay.gate import raw_rows

    return raw_rows.run(*call.project)


@command(
    "gate backtest",
    "what the policy in params.yaml would have said of earlier versions",
    shown="verdict.backtest_lines",
)
def gate_backtest(call: Call) -> object:
    from assay.gate import backtest

    return backtest.run(*call.project)
