"""Commands for models: the stages that ``dvc repro`` runs, the gate, and choosing a version."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from assay.cli.command import (
    Because,
    Call,
    First,
    Group,
    Last,
    Option,
    Push,
    ShowPrivate,
    Stage,
    positive_number,
    write_step_output,
)
from assay.errors import GateNotPassed, UsageError
from assay.errors.base import attach_report

if TYPE_CHECKING:
    from assay.promotion.promote import StageMove

_LOG = logging.getLogger(__name__)

MAKE = Group("make a model (dvc repro runs these)")


@MAKE(
    "code",
    "write down a digest of Assay's own code for each stage, so that an upgrade shows",
)
def code(call: Call) -> object:
    from assay.registry import dvc_lock

    return dvc_lock.write_code_digests(*call.project)


@MAKE("ingest", "read the source into data/raw, one folder a night")
def ingest(call: Call) -> object:
    from assay.training.tables import ingest

    return ingest.run(*call.project)


@MAKE(
    "contract",
    "check data/raw against the contract",
    "assay contract --json",
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


@MAKE("prepare", "split the checked rows into training and holdout")
def prepare(call: Call) -> object:
    from assay.training.tables import prepare

    return prepare.run(*call.project)


@MAKE(
    "leakage",
    "look for what training may know of the holdout, and for features that come too late",
    "assay leakage --json",
    keys="checks(check,outcome,observed,limit,detail,examples)",
)
def leakage(call: Call) -> object:
    from assay.training.leakage import stage

    return stage.run(*call.project)


@MAKE(
    "train",
    "train one candidate of params.yaml",
    "assay train boosting",
    words="stages.train_lines",
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


@MAKE("select", "choose the best candidate's bundle", keys="selected by candidates(name,{by})")
def select(call: Call) -> object:
    from assay.training.train import select

    return select.run(*call.project)


@MAKE("evaluate", "measure the selected bundle on the holdout", words="stages.evaluation_lines")
def evaluate(call: Call) -> object:
    from assay.evaluation import evaluate as stage

    return stage.run(*call.project)


@MAKE(
    "champion",
    "fetch the version that holds the stage, to compare with",
    keys="state stage version? bundle? why?",
)
def champion(call: Call) -> object:
    from assay.registry import champion

    return champion.run(*call.project)


@MAKE("compare", "measure it beside the champion on the same rows", words="stages.comparison_lines")
def compare(call: Call) -> object:
    from assay.evaluation import compare as stage

    return stage.run(*call.project)


@MAKE(
    "nights",
    "find the last nights of the input, to rehearse them",
    keys="why? nights(day,rows,why)?",
)
def nights(call: Call) -> object:
    from assay.evaluation import nights as last_nights

    return last_nights.run(*call.project)


@MAKE(
    "rehearse",
    "score holdout rows as a night would, and the last nights beside the champion",
    keys="why? parity(carrier,rows,seconds,differing,largest) tolerance latency_ms memory_mb? "
    "bundle_mb uncompiled? nights.why? nights.champion.why? nights.nights(day,rows,flipped,why)?",
)
def rehearse(call: Call) -> object:
    from assay.evaluation import rehearse as stage

    return stage.run(*call.project)


@MAKE("gate", "decide whether the selected bundle may be promoted", words="verdict.gate_lines")
def gate(call: Call) -> object:
    from assay.gate import stage

    return stage.run(*call.project)


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

    found = unchanged.find(*call.project)
    write_step_output("unchanged", str(found.unchanged is not None).lower())
    write_step_output("promoted", str(found.unchanged is not None or found.promoted).lower())
    if exit_code and found.unchanged is None:
        error = GateNotPassed("nothing says yet whether it passes", fix="Judge it: dvc repro.")
        raise attach_report(error, found)
    return found


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

    found = verdict_command.find_access(*call.project)
    write_step_output("access", str(found.missing is None).lower())
    if exit_code and found.missing is not None:
        raise attach_report(found.error(), found)
    return found


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


CHOOSE = Group("choose a version")


@CHOOSE(
    "promote",
    "make the gated bundle at HEAD a version and give it the stage",
    "assay promote --because 'weather features'",
    words="versions.promoted_lines",
    front=True,
)
def promote(
    call: Call,
    *,
    because: Annotated[str | None, Option("kept with the version for good", "WHY")] = None,
    stage: Stage = None,
    bump: Annotated[Literal["major", "minor", "patch"], Option("(minor)")] = "minor",
    merged: Annotated[
        bool,
        Option("in CI: what the merged pull request was judged on, or nothing"),
    ] = False,
    push: Push = False,
    override: Annotated[
        bool,
        Option("although the gate did not pass; needs --because, and shows for good"),
    ] = False,
) -> object:
    from assay.hosting.gitlab_run import merge_request_approver
    from assay.hosting.promotion import promote_merged
    from assay.promotion import promote as promotion

    if not merged:
        moved = promotion.promote(
            *call.project,
            because=because,
            stage=stage,
            bump=bump,
            override=override,
            ask_host=merge_request_approver,
        )
        return _pushed(call, moved) if push else moved
    if override or stage or bump != "minor":
        raise UsageError(
            "what was merged and judged is promoted as it is",
            where="assay promote --merged",
            expected="none of --override, --stage and --bump",
        )
    return promote_merged(*call.project, because=because, push=push)


@CHOOSE(
    "rollback",
    "give the stage back to an earlier version",
    "assay rollback --because 'scores too high since Tuesday'",
    words="versions.moved_lines",
    front=True,
)
def rollback(
    call: Call,
    *,
    because: Because,
    to: Annotated[str | None, Option("such as v0.1.0 (the one before)", "VERSION")] = None,
    stage: Stage = None,
    approved: Annotated[
        bool, Option("in CI: signed by who approved the run, or started it")
    ] = False,
    push: Push = False,
) -> object:
    from assay.hosting.promotion import rollback_approved
    from assay.promotion import promote

    roll_back: Callable[..., StageMove] = rollback_approved if approved else promote.rollback
    moved = roll_back(*call.project, because=because, to=to, stage=stage)
    return _pushed(call, moved) if push else moved


def _pushed(call: Call, moved: "StageMove") -> "StageMove":
    """Push the tags. What was done shows also if they do not arrive."""
    from assay.hosting.promotion import push_all

    try:
        names = push_all(*call.project)
    except BaseException as error:
        attach_report(error, moved)
        raise
    _LOG.info("pushed to origin: %s", ", ".join(names) or "nothing, it has every tag")
    return moved


@CHOOSE(
    "versions",
    "list versions and who promoted what, on what evidence, and why",
    "assay versions --stage prod",
    words="versions.versions_lines",
)
def versions(call: Call, *, stage: Stage = None) -> object:
    from assay.registry.verification import list_versions

    return list_versions(*call.project, stage=stage)


@CHOOSE(
    "card",
    "write what is known about a version: for people, model hubs and CycloneDX, in one folder",
    "assay card prod --annex-iv",
    keys="version folder files missing?",
)
def card(
    call: Call,
    version: Annotated[
        str | None, Option("a version or a stage (registry.stage in params.yaml)", "VERSION")
    ] = None,
    *,
    annex_iv: Annotated[
        bool, Option("as technical documentation by Annex IV of the EU's AI Act, too")
    ] = False,
    out: Annotated[
        Path | None, Option("a new folder (exports/NAME-VERSION-card)", "FOLDER")
    ] = None,
) -> object:
    from assay.promotion.card import command

    return command.run(*call.project, version, annex_iv, out)


@CHOOSE(
    "verify",
    "verify a version: its tags, verdict, bundle and signature; exit 46 if one does not hold",
    "assay verify v0.2.0",
    keys="version bundle? outcome? key? signed? files folder?",
)
def verify(
    call: Call,
    version: Annotated[
        str | None, Option("a version or a stage (registry.stage in params.yaml)", "VERSION")
    ] = None,
    *,
    out: Annotated[
        Path | None, Option("write what was signed, for other clients of the format", "FOLDER")
    ] = None,
    folder: Annotated[Path | None, Option("instead: verify such a folder", "FOLDER")] = None,
    ignore_unsigned: Annotated[bool, Option("let the folder have more files")] = False,
) -> object:
    from assay.promotion import verify as command

    if folder is not None:
        return command.run_folder(*call.project, folder, ignore_unsigned)
    return command.run(*call.project, version, out)


@CHOOSE(
    "export-model",
    "write a version's model for machines without Python, after it gave its own scores",
    "assay export-model prod --to c --out firmware/model",
    keys="version bundle folder files rows compared_by left_out?",
)
def export_model(
    call: Call,
    version: Annotated[
        str | None, Option("a version or a stage (registry.stage in params.yaml)", "VERSION")
    ] = None,
    *,
    to: Annotated[
        Literal["c", "onnx"], Option("a header and a source file in C99, or one ONNX file")
    ],
    out: Annotated[
        Path | None, Option("a new folder (exports/NAME-VERSION-FORMAT)", "FOLDER")
    ] = None,
    strict: Annotated[
        bool, Option("refuse a model whose contract has checks that the file cannot make")
    ] = False,
) -> object:
    from assay.edge import command

    return command.run(*call.project, version, to, out, strict)


@CHOOSE(
    "propose",
    "in CI: put what was trained before people, as a pull request of its own",
)
def propose(call: Call) -> object:
    from assay.hosting.promotion import propose

    return propose(*call.project)


@CHOOSE(
    "check",
    "name all that is wrong in the project's files, before dvc repro (exit 15); or with "
    "--lock that dvc.lock is not current (exit 5)",
    words="versions.check_lines",
)
def check(
    call: Call,
    *,
    lock: Annotated[bool, Option("is dvc.lock current?")] = False,
    bucket: Annotated[
        bool, Option("do store and DVC remote outlive this machine? exit 52 or 30 if not")
    ] = False,
) -> object:
    from assay.init.project_check import command as project_check
    from assay.registry import dvc_lock as lock_check
    from assay.registry import remotes

    if lock and bucket:
        raise UsageError("one question at a time", where="assay check --lock --bucket")
    if lock:
        return lock_check.run(*call.project)
    if bucket:
        return remotes.check_bucket(*call.project)
    # Not call.project, which ends at the first fault in params.yaml.
    return project_check.run(call.root, call.names)


CHOOSE.parent(
    "remote",
    "what DVC keeps of this commit, from and to the DVC remote, if there is one",
    "assay remote pull",
)


@CHOOSE(
    "remote pull",
    "fetch what the remote has of this commit's sources and results",
    words="versions.transfer_lines",
)
def remote_pull(
    call: Call,
    *,
    sources: Annotated[
        bool,
        Option("only what no stage makes: files that `dvc add` put under DVC, such as a table"),
    ] = False,
) -> object:
    from assay.registry import remotes

    return remotes.pull(*call.project, sources)


@CHOOSE("remote push", "push this commit's sources and results", words="versions.transfer_lines")
def remote_push(call: Call) -> object:
    from assay.registry import remotes

    return remotes.push(*call.project)
