"""Commands for model versions: promote, roll back, list, and check dvc.lock."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from assay.cli.command import Call, Group, Option
from assay.cli.options import Because, Push, Stage
from assay.errors import UsageError
from assay.errors.base import attach_report

if TYPE_CHECKING:
    from assay.promotion.promote import StageMove

_LOG = logging.getLogger(__name__)

command = Group("choose a version")


@command(
    "promote",
    "make the gated bundle at HEAD a version and give it the stage",
    "assay promote --because 'weather features'",
    shown="versions.promoted_lines",
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
        Option("in GitHub Actions: what the merged pull request was judged on, or nothing"),
    ] = False,
    push: Push = False,
    override: Annotated[
        bool,
        Option("although the gate did not pass; needs --because, and shows for good"),
    ] = False,
) -> object:
    from assay.hosting import approval, merged_promotion
    from assay.promotion import promote as promotion

    if not merged:
        moved = promotion.promote(
            *call.project,
            because=because,
            stage=stage,
            bump=bump,
            override=override,
            ask_host=approval.merge_request_approver,
        )
        return _pushed(call, moved) if push else moved
    if override or stage or bump != "minor":
        raise UsageError(
            "what was merged and judged is promoted as it is",
            where="assay promote --merged",
            expected="none of --override, --stage and --bump",
        )
    return merged_promotion.promote_merged(*call.project, because=because, push=push)


@command(
    "rollback",
    "give the stage back to an earlier version",
    "assay rollback --because 'scores too high since Tuesday'",
    shown="versions.moved_lines",
    front=True,
)
def rollback(
    call: Call,
    *,
    because: Because,
    to: Annotated[str | None, Option("such as v0.1.0 (the one before)", "VERSION")] = None,
    stage: Stage = None,
    approved: Annotated[
        bool, Option("in GitHub Actions: signed by who approved the run, or started it")
    ] = False,
    push: Push = False,
) -> object:
    from assay.hosting.merged_promotion import rollback_approved
    from assay.promotion import promote

    roll_back: Callable[..., StageMove] = rollback_approved if approved else promote.rollback
    moved = roll_back(*call.project, because=because, to=to, stage=stage)
    return _pushed(call, moved) if push else moved


def _pushed(call: Call, moved: "StageMove") -> "StageMove":
    """Push the tags. What was done shows also if they do not arrive."""
    from assay.hosting.merged_promotion import push_all

    try:
        names = push_all(*call.project)
    except BaseException as error:
        attach_report(error, moved)
        raise
    _LOG.info("pushed to origin: %s", ", ".join(names) or "nothing, it has every tag")
    return moved


@command(
    "versions",
    "list versions and who promoted what, on what evidence, and why",
    "assay versions --stage prod",
    shown="versions.versions_lines",
)
def versions(call: Call, *, stage: Stage = None) -> object:
    from assay.registry.verification import list_versions

    return list_versions(*call.project, stage=stage)


@command(
    "propose",
    "in GitHub Actions: put what was trained before people, as a pull request of its own",
    shown="versions.proposal_lines",
)
def propose(call: Call) -> object:
    from assay.hosting import proposal

    return proposal.propose(*call.project)


@command(
    "check",
    "name all that is wrong in the project's files, before dvc repro (exit 15); or with "
    "--lock that dvc.lock is not current (exit 5)",
    shown="check.lines",
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
    from assay.registry import transfer

    if lock and bucket:
        raise UsageError("one question at a time", where="assay check --lock --bucket")
    if lock:
        return lock_check.run(*call.project)
    if bucket:
        return transfer.check_bucket(*call.project)
    # Not call.project, which ends at the first fault in params.yaml.
    return project_check.run(call.root, call.names)


command.parent(
    "remote",
    "what DVC keeps of this commit, from and to the DVC remote, if there is one",
    "assay remote pull",
)


@command(
    "remote pull",
    "fetch what the remote has of this commit's sources and results",
    shown="versions.transfer_lines",
)
def remote_pull(
    call: Call,
    *,
    sources: Annotated[
        bool,
        Option("only what no stage makes: files that `dvc add` put under DVC, such as a table"),
    ] = False,
) -> object:
    from assay.registry import transfer

    return transfer.pull(*call.project, sources)


@command("remote push", "push this commit's sources and results", shown="versions.transfer_lines")
def remote_push(call: Call) -> object:
    from assay.registry import transfer

    return transfer.push(*call.project)
