"""Commands about this machine, and about what went wrong: doctor, explain."""

from __future__ import annotations

import argparse

from assay.cli.commands import CommandBuilder, print_result, to_indented_json
from assay.errors import ChecksFailed
from assay.errors.base import attached_report


def add_commands(add: CommandBuilder) -> None:
    """The checks of this machine, and the meaning of exit codes."""
    doctor = add(
        "doctor",
        "check git, tags, remotes, Java, store, disk and clock: each line says ok or what to type; "
        "exit 7 if a check failed",
        "assay doctor --spark",
        _doctor,
    )
    doctor.add_argument(
        "--spark", action="store_true", help="also start Spark, which takes seconds"
    )
    doctor.add_argument(
        "--only",
        metavar="CHECK",
        action="append",
        default=[],
        help="one check, such as store; may be repeated",
    )
    doctor.add_argument(
        "--seconds",
        type=_seconds,
        metavar="N",
        help="the most that one check may take (30; Spark 120)",
    )
    explain = add(
        "explain",
        "say what an exit code means, why it happens and what to do; without a code, list all",
        "assay explain 42",
        _explain,
    )
    explain.add_argument("code", nargs="?", metavar="CODE", help="an exit code, or an error's name")


def _explain(given: argparse.Namespace) -> None:
    from assay.cli.show import overview
    from assay.errors import codes

    # Not run_command: no project is needed.
    found = codes.explain(given.code)
    print_result(found, given, overview.error_lines, to_indented_json)


def _doctor(given: argparse.Namespace) -> None:
    from assay.cli.show import overview
    from assay.monitor.doctor import command
    from assay.monitor.doctor.finding import Diagnosis

    # Not run_command, which reads params.yaml: that is one of the checks.
    try:
        found = command.run(
            given.root.resolve(), given.only, spark=given.spark, seconds=given.seconds
        )
    except ChecksFailed as error:
        report = attached_report(error)
        assert isinstance(report, Diagnosis)
        print_result(report, given, overview.doctor_lines, Diagnosis.to_json)
        raise
    print_result(found, given, overview.doctor_lines, Diagnosis.to_json)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found '{text}'")
    return found
