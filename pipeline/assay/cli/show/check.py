"""What `assay check` found, and the code digests by which DVC detects code changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.init.project_check.command import ProjectCheck
from assay.project import layout
from assay.project.text import counted
from assay.registry.dvc_lock import LockCheck
from assay.registry.transfer import Buckets

_EXAMPLES = 3


def lines(found: ProjectCheck | LockCheck | Buckets) -> Iterator[str]:
    """What is well, and what could not be compared; all else is an error."""
    if isinstance(found, ProjectCheck):
        yield (
            f"check: ready for dvc repro: {found.name}, {found.task}, "
            f"{counted(found.features, 'feature')}, {counted(found.candidates, 'candidate')}, "
            f"{counted(found.rules, 'rule')}"
        )
    elif isinstance(found, Buckets):
        yield f"check: the store is {found.store}, the DVC remote {found.remote}"
    else:
        yield from _lock(found)


def _lock(checked: LockCheck) -> Iterator[str]:
    if checked.current:
        yield f"check: {layout.DVC_LOCK} is current: {checked.stages} stages as it says"
    if checked.lock.unseen:
        paths = list(dict.fromkeys(path for _, path in checked.lock.unseen))
        more = len(paths) - _EXAMPLES
        shown = ", ".join(paths[:_EXAMPLES]) + (f" and {more} more" if more > 0 else "")
        yield (
            f"check: not compared, also where the data is here: {shown}; DVC keeps one hash of a "
            "whole output, and none of a single file inside it or of a folder of several"
        )


def code_lines(digests: Mapping[str, object]) -> Iterator[str]:
    stages = len(digests.keys() - {"schema"})
    yield f"code: {layout.CODE} names what {stages} stages run of Assay"
