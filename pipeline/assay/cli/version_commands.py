"""Commands for model versions: promote, roll back, list, and check dvc.lock."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from assay.cli.commands import (
    CommandBuilder,
    own_code_apart,
    print_result,
    refresh_front_page,
    run_command,
    to_indented_json,
    to_json_line,
)
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.cli.terminal import Line
    from assay.registry.promote import StageMove

_LOG = logging.getLogger(__name__)


def add_commands(add: CommandBuilder) -> None:
    """Commands that move a stage first."""
    promote = add(
        "promote",
        "make the gated bundle at HEAD a version and give it the stage",
        "assay promote --because 'weather features'",
        _promote,
    )
    promote.add_argument("--because", metavar="WHY", help="kept with the version for good")
    promote.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    promote.add_argument(
        "--bump", choices=("major", "minor", "patch"), default="minor", help="(minor)"
    )
    promote.add_argument(
        "--merged",
        action="store_true",
        help="in GitHub Actions: what the merged pull request was judged on, or nothing",
    )
    promote.add_argument("--push", action="store_true", help="then push the tags to origin")
    promote.add_argument(
        "--override",
        action="store_true",
        help="although the gate did not pass; needs --because, and shows for good",
    )
    rollback = add(
        "rollback",
        "give the stage back to an earlier version",
        "assay rollback --because 'scores too high since Tuesday'",
        _rollback,
    )
    rollback.add_argument("--because", metavar="WHY", required=True, help="kept for good")
    rollback.add_argument("--to", metavar="VERSION", help="such as v0.1.0 (the one before)")
    rollback.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    rollback.add_argument(
        "--approved",
        action="store_true",
        help="in GitHub Actions: signed by who approved the run, or started it",
    )
    rollback.add_argument("--push", action="store_true", help="then push the tags to origin")
    versions = add(
        "versions",
        "list versions and who promoted what, on what evidence, and why",
        "assay versions --stage prod",
        _versions,
    )
    versions.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    add(
        "propose",
        "in GitHub Actions: put what was trained before people, as a pull request of its own",
        "assay propose",
        _propose,
    )
    check = add(
        "check",
        "name all that is wrong in the project's files, before dvc repro (exit 15); or with "
        "--lock that dvc.lock is not current (exit 5)",
        "assay check",
        _check,
    )
    asked = check.add_mutually_exclusive_group()
    asked.add_argument("--lock", action="store_true", help="is dvc.lock current?")
    asked.add_argument(
        "--bucket",
        action="store_true",
        help="do store and DVC remote outlive this machine? exit 52 or 30 if not",
    )
    check.set_defaults(known=add.known)
    remote = add.group(
        "remote",
        "what DVC keeps of this commit, from and to the DVC remote, if there is one",
        "assay remote pull",
    )
    pull = remote(
        "pull",
        "fetch what the remote has of this commit's sources and results",
        "assay remote pull",
        _remote_pull,
    )
    pull.add_argument(
        "--sources",
        action="store_true",
        help="only what no stage makes: files that `dvc add` put under DVC, such as a table",
    )
    remote("push", "push this commit's sources and results", "assay remote push", _remote_push)


def _promote(given: argparse.Namespace) -> None:
    from assay.cli.show import versions
    from assay.gate import merged_promotion
    from assay.gate.promotion import promote

    with refresh_front_page(given):
        if given.merged:
            if given.override or given.stage or given.bump != "minor":
                raise UsageError(
                    "what was merged and judged is promoted as it is",
                    where="assay promote --merged",
                    expected="none of --override, --stage and --bump",
                )
            run_command(
                merged_promotion.promote_merged,
                given,
                because=given.because,
                push=given.push,
                lines=versions.merged_lines,
                document=to_indented_json,
            )
            return
        run_command(
            promote,
            given,
            because=given.because,
            stage=given.stage,
            bump=given.bump,
            override=given.override,
            lines=_moved(given),
            document=to_indented_json,
        )
        if given.push:
            _push(given)


def _rollback(given: argparse.Namespace) -> None:
    from assay.gate.merged_promotion import rollback_approved
    from assay.registry.promote import rollback

    with refresh_front_page(given):
        run_command(
            rollback_approved if given.approved else rollback,
            given,
            because=given.because,
            to=given.to,
            stage=given.stage,
            lines=_moved(given),
            document=to_indented_json,
        )
        if given.push:
            _push(given)


def _moved(given: argparse.Namespace) -> Callable[[StageMove], Iterator[Line]]:
    """How a move of the stage is shown, with commands to share it that work in this clone."""
    from assay.cli.show import versions
    from assay.registry.remotes.git_remote import remote_name

    remote = remote_name(given.root.resolve())
    return partial(versions.stage_move_lines, push=given.push, remote=remote)


def _push(given: argparse.Namespace) -> None:
    from assay.gate.merged_promotion import push_all
    from assay.project.params import load

    root = given.root.resolve()
    pushed = push_all(root, load(root))
    _LOG.info("pushed to origin: %s", ", ".join(pushed) or "nothing, it has every tag")


def _versions(given: argparse.Namespace) -> None:
    from assay.cli.show import versions
    from assay.registry.listing import list_versions

    run_command(
        list_versions,
        given,
        stage=given.stage,
        lines=versions.versions_lines,
        document=to_indented_json,
    )


def _propose(given: argparse.Namespace) -> None:
    from assay.cli.show import versions
    from assay.gate import proposal

    run_command(proposal.propose, given, lines=versions.proposal_lines, document=to_json_line)


def _check(given: argparse.Namespace) -> None:
    from assay.cli.show import lock, versions
    from assay.registry.dvc_lock import check
    from assay.registry.hosted import bucket

    if not (given.lock or given.bucket):
        from assay.init.project_check import command as project_check

        # Not run_command, which ends at the first fault in params.yaml.
        with own_code_apart(given):
            found = project_check.run(given.root.resolve(), given.known)
        print_result(found, given, versions.ready_lines, to_indented_json)
        return
    if given.bucket:
        run_command(bucket.check, given, lines=versions.bucket_lines, document=to_indented_json)
        return
    run_command(check.run, given, lines=lock.lines, document=to_indented_json)


def _remote_pull(given: argparse.Namespace) -> None:
    from assay.cli.show import versions
    from assay.registry.hosted import transfer

    run_command(
        transfer.pull,
        given,
        given.sources,
        lines=versions.transfer_lines,
        document=to_json_line,
    )


def _remote_push(given: argparse.Namespace) -> None:
    from assay.cli.show import versions
    from assay.registry.hosted import transfer

    run_command(transfer.push, given, lines=versions.transfer_lines, document=to_json_line)
