"""A night's steps, the files of a schedule, and the archive for a Spark cluster's executors."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import assay

if TYPE_CHECKING:
    from assay.monitor.deploy.command import WrittenSchedule
    from assay.monitor.nightly import NightlySteps, Step
    from assay.score.pack.pack import PackReport


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


def pack_lines(packed: PackReport) -> Iterator[str]:
    """The archive's content, and both ways to use it."""
    from assay.score.pack.pack import size

    yield (
        f"packed: {packed.path}, {size(packed.size)}, {len(packed.distributions)} packages, "
        f"for Python {packed.python} on {packed.platform}"
    )
    yield "to use it, in params.yaml:"
    yield "spark:"
    yield "  master: spark://HOST:7077"
    yield "  conf:"
    yield f"    spark.archives: {packed.archives}"
    yield "or, whatever params.yaml says:"
    yield (
        f"spark-submit --master spark://HOST:7077 --archives {packed.archives} "
        f"{shlex.quote(str(Path(assay.__path__[0]) / 'cli' / '__main__.py'))} score --date DAY"
    )
