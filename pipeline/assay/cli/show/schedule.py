"""A night's steps, and the files of a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.monitor.nightly import ANSWERS, NightlySteps, Step

if TYPE_CHECKING:
    from assay.monitor.deploy.command import WrittenSchedule


def nightly_lines(found: NightlySteps) -> Iterator[str]:
    """A line for each step: its exit code, and the command to run it again."""
    yield "nightly:"
    for step in found.steps:
        yield f"  {step.exit_code:>3}  {step.shown}{_remark(step)}"


def _remark(step: Step) -> str:
    if step.exit_code == 0:
        return ""
    if step.fine:
        return f"  (nothing to do: {step.words})"
    return "  (an answer)" if step.exit_code in ANSWERS else "  (failed)"


def deploy_lines(written: WrittenSchedule) -> Iterator[str]:
    """The files, what is left out, and how to install them."""
    for path in written.files:
        yield f"written: {path}"
    for remark in written.remarks:
        yield f"note: {remark}"
    yield "to install:"
    for line in written.install:
        yield f"  {line}"
