"""Commands about this machine, and about what went wrong: doctor, explain."""

import argparse
from collections.abc import Sequence
from typing import Annotated

from assay.cli.command import Call, Group, Option

command = Group("when something is wrong")


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found '{text}'")
    return found


@command(
    "doctor",
    "check git, tags, remotes, Java, store and disk: each line says ok or what to type; "
    "exit 7 if a check failed",
    "assay doctor --spark",
    shown="overview.doctor_lines",
)
def doctor(
    call: Call,
    *,
    spark: Annotated[bool, Option("also start Spark, which takes seconds")] = False,
    only: Annotated[
        Sequence[str], Option("one check, such as store; may be repeated", "CHECK")
    ] = (),
    seconds: Annotated[
        float | None,
        Option("the most that one check may take (30; Spark 120)", "N", parse=_seconds),
    ] = None,
) -> object:
    from assay.ops.doctor import command

    # Not call.project: that params.yaml can be read is one of the checks.
    return command.run(call.root, only, spark=spark, seconds=seconds)


@command(
    "explain",
    "say what an exit code means, why it happens and what to do; without a code, list all",
    "assay explain 42",
    shown="overview.error_lines",
)
def explain(
    call: Call,
    code: Annotated[str | None, Option("an exit code, or an error's name", "CODE")] = None,
) -> object:
    from assay.errors import codes

    return codes.explain(code)
