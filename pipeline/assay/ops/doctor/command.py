"""``assay doctor``: runs the checks side by side, each within its time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from assay.errors import AssayError, ChecksFailed, UsageError
from assay.ops.doctor import checks
from assay.ops.doctor.finding import (
    Answer,
    Diagnosis,
    Finding,
    Project,
    Skip,
    diagnosis,
    failed,
    of_error,
    ok,
    skipped,
)
from assay.pages.templating import suppress_output
from assay.project import layout
from assay.project import params as parameters
from assay.project.interrupts import Unawaited

SECONDS = 30.0
SPARK_SECONDS = 120.0
SPARK = "spark"
AGAIN = "this is a bug in Assay; run again with ASSAY_DEBUG=1 to see where"


def check_params(project: Project) -> Answer:
    params = parameters.load(project.root)
    return ok(f"{layout.PARAMS} of {params.name} is valid")


CHECKS: Mapping[str, Callable[[Project], Answer]] = MappingProxyType(
    {
        "params": check_params,
        "git": checks.check_git,
        "tags": checks.check_tags,
        "access": checks.check_access,
        "dvc": checks.check_dvc,
        "remote": checks.check_remote,
        "bundle": checks.check_bundle,
        "packages": checks.check_packages,
        "java": checks.check_java,
        "spark": checks.check_spark,
        "store": checks.check_store,
        "disk": checks.check_disk,
    }
)
"""Name -> check, in the order in which they are shown."""


def check(name: str, project: Project) -> Finding:
    """Run one check. An error for people becomes its finding, any other error is raised."""
    try:
        answer = CHECKS[name](project)
    except Skip as reason:
        answer = skipped(str(reason))
    except AssayError as error:
        answer = of_error(error)
    return answer.named(name)


def run(
    root: Path,
    only: Sequence[str] = (),
    *,
    spark: bool = False,
    seconds: float | None = None,
) -> Diagnosis:
    """Every check, or some, in their order.

    Parameters
    ----------
    only
        Names of checks; empty for all.
    spark
        Whether to start Spark, which takes seconds. Naming the check asks for it too.
    seconds
        The limit of each check; by default 30, of Spark 120.

    Raises
    ------
    UsageError
        There is no such check, or no such folder.
    ChecksFailed
        A check failed or broke. The diagnosis is attached.
    """
    unknown = sorted(set(only) - set(CHECKS))
    if unknown:
        raise UsageError(
            "there is no such check",
            where="assay doctor --only",
            expected=f"some of {', '.join(CHECKS)}",
            found=", ".join(unknown),
        )
    if not root.is_dir():
        raise UsageError("no such folder", where=str(root))
    wanted = [name for name in CHECKS if name in only or not only]
    left_out = {SPARK} if not spark and SPARK not in only else set()
    project = Project(root)
    # What libraries print in the meantime is about themselves.
    with suppress_output():
        asked = {name: _Asked(name, project) for name in wanted if name not in left_out}
        made = diagnosis(
            asked[name].answer(seconds or (SPARK_SECONDS if name == SPARK else SECONDS))
            if name in asked
            else skipped("not started, which takes seconds", "assay doctor --spark").named(name)
            for name in wanted
        )
    bad = [each.name for each in made.checks if each.bad]
    if bad:
        raise ChecksFailed(
            f"{len(bad)} of {len(wanted)} checks failed: {', '.join(bad)}"
        ).attach_report(made)
    return made


class _Asked:
    """A check at work in a thread, which ends with the command if it never answers."""

    def __init__(self, name: str, project: Project) -> None:
        self._name, self._project = name, project
        self._found: Finding | Exception | None = None
        self._started = time.monotonic()
        self._thread = Unawaited(self._run, name)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found = check(self._name, self._project)
        except Exception as error:
            self._found = error

    def answer(self, seconds: float) -> Finding:
        """The finding, ``seconds`` after the start at the latest."""
        self._thread.join(max(0.0, self._started + seconds - time.monotonic()))
        answer = self._found
        if answer is None:
            return failed(
                f"no answer within {seconds:g} s",
                "check the network and what the check asks, or give it more time: "
                f"assay doctor --only {self._name} --seconds {seconds * 5:g}",
            ).named(self._name)
        if isinstance(answer, Finding):
            return answer
        if os.environ.get("ASSAY_DEBUG"):
            raise answer
        words = f"the check itself broke: {type(answer).__name__}: {answer}"
        return Answer("broken", words, AGAIN).named(self._name)
