"""Commands for model versions: promote, roll back, list, and check dvc.lock."""

from __future__ import annotations

import argparse

from assay.cli.commands import CommandBuilder, refresh_front_page, run_command, to_indented_json


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
    versions = add(
        "versions",
        "list versions and who promoted what, on what evidence, and why",
        "assay versions --stage prod",
        _versions,
    )
    versions.add_argument("--stage", help="another stage than registry.stage in params.yaml")
    check = add(
        "check",
        "tell whether dvc.lock is current, without data or cache; exit 5 if it is not",
        "assay check --lock",
        _check,
    )
    check.add_argument("--lock", action="store_true", help="is dvc.lock current?")


def _promote(given: argparse.Namespace) -> None:
    from assay.cli.show import versions
    from assay.gate.promotion import promote

    with refresh_front_page(given):
        run_command(
            promote,
            given,
            because=given.because,
            stage=given.stage,
            bump=given.bump,
            override=given.override,
            lines=versions.stage_move_lines,
            document=to_indented_json,
        )


def _rollback(given: argparse.Namespace) -> None:
    from assay.cli.show import versions
    from assay.registry.promote import rollback

    with refresh_front_page(given):
        run_command(
            rollback,
            given,
            because=given.because,
            to=given.to,
            stage=given.stage,
            lines=versions.stage_move_lines,
            document=to_indented_json,
        )


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


def _check(given: argparse.Namespace) -> None:
    from assay.cli.show import lock
    from assay.registry.dvc_lock import check

    run_command(check.run, given, lock=given.lock, lines=lock.lines, document=to_indented_json)
