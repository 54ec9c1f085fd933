"""Commands for versions: choosing one, what is known about it, and what it would change."""

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
    Stage,
    distance,
)
from assay.errors import UsageError
from assay.errors.base import attach_report

if TYPE_CHECKING:
    from assay.promotion.promote import StageMove

_LOG = logging.getLogger(__name__)

CHOOSE = Group("choose a version")
Version = Annotated[
    str | None, Option("a version or a stage (registry.stage in params.yaml)", "VERSION")
]


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
    """Push the tags, after a new version's bundle. What was done shows also if they do not arrive.

    No champion that others see lacks its bundle.
    """
    from assay.cli.show.versions import transfer_lines
    from assay.hosting.promotion import push_all
    from assay.registry import remotes

    try:
        if moved.done == "promoted":
            for line in transfer_lines(remotes.push(*call.project)):
                _LOG.info(line)
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
    version: Version = None,
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
    keys="version bundle outcome? files",
)
def verify(
    call: Call,
    version: Version = None,
) -> object:
    from assay.promotion import verify as command

    return command.run(*call.project, version)


@CHOOSE(
    "export-model",
    "write a version's model for machines without Python, after it gave its own scores",
    "assay export-model prod --to c --out firmware/model",
    keys="version bundle folder files rows compared_by left_out?",
)
def export_model(
    call: Call,
    version: Version = None,
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
    "name all that is wrong in the project's files (exit 15), or with --lock that dvc.lock is not "
    "current (exit 5)",
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


PLAN = Group("see it before it happens")


@PLAN(
    "plan",
    "score real nights with the bundle at HEAD where no reader sees it, and show what changes",
    "assay plan --from 2013-07-01 --to 2013-07-07",
    words="versions.plan_lines",
)
def plan(
    call: Call,
    *,
    first: First = None,
    last: Last = None,
    due: Annotated[
        bool, Option("the nights that are due, instead of the newest seven that are published")
    ] = False,
    by: Annotated[
        float | None,
        Option("a score that changes by more counts as moved (0.1)", "X", parse=distance),
    ] = None,
    bump: Annotated[
        Literal["major", "minor", "patch"], Option("as promotion will be told (minor)")
    ] = "minor",
    dry_run: Annotated[bool, Option("keep nothing to apply, write nothing to the store")] = False,
) -> object:
    from assay.plan import stage

    if (first is None) != (last is None) or (due and first):
        raise UsageError(
            "say which nights once",
            where="assay plan",
            expected="--due, or --from DAY --to DAY, or neither",
        )
    return stage.run(*call.project, first, last, due=due, by=by, bump=bump, dry_run=dry_run)


@PLAN(
    "approve",
    "agree to a plan, by a tag that names its digest",
    "assay approve --as marketing --because 'the campaign can take 2,000 rows more'",
    keys="who plan by because tag",
)
def approve(
    call: Call,
    *,
    who: Annotated[str, Option("an entry of approvals in params.yaml", "WHO", "--as")],
    because: Because,
    plan: Annotated[str | None, Option("its digest, instead of the newest", "DIGEST")] = None,
) -> object:
    from assay.promotion import approvals

    return approvals.approve(*call.project, who, because, plan)


@PLAN(
    "apply",
    "publish the planned runs of the version that holds the stage, without scoring again",
    "assay apply --exact",
    words="versions.apply_lines",
    front=True,
)
def apply(
    call: Call,
    *,
    exact: Annotated[
        bool, Option("refuse if a night is not as it was planned, instead of scoring it")
    ] = False,
    if_planned: Annotated[
        bool, Option("do nothing if no planned night waits, or an approval is missing")
    ] = False,
) -> object:
    from assay.plan import apply

    return apply.run(*call.project, exact=exact, if_planned=if_planned)
