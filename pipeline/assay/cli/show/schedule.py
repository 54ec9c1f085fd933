"""A night's steps, and the files of a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.ops.deploy.targets import WrittenSchedule
    from assay.ops.nightly import NightlySteps, Step


def nightly_lines(found: NightlySteps) -> Iterator[str]:
    """A line for each step: its exit code, and the command to run it again.

    An error that follows is not printed here too.
    """
    yield "nightly:"
    for step in found.steps:
        told = found.raised and step is found.deciding
        yield f"  {step.exit_code:>3}  {step.shown}{_remark(step, told)}"


def _remark(step: Step, told: bool) -> str:
    if step.exit_code == 0:
        return ""
    what = "nothing to do" if step.fine else "failed" if step.failed else "an answer"
    return f"  ({what})" if told else f"  ({what}: {step.words})"


def deploy_lines(written: WrittenSchedule) -> Iterator[str]:
    """The files, what is left out, and how to install them."""
    for path in written.files:
        yield f"written: {path}"
    for remark in written.remarks:
        yield f"note: {remark}"
    yield "to install:"
    for line in written.install:
        yield f"  {line}"
