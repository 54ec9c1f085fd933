"""Whether dvc.lock is current, and the code digests by which DVC detects code changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.project import layout
from assay.registry.dvc_lock.check import LockCheck

_EXAMPLES = 3


def lines(checked: LockCheck) -> Iterator[str]:
    """That it is current, and what could not be compared. If it is outdated, an error says so."""
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


def code_lines(digests: Mapping[str, str]) -> Iterator[str]:
    yield f"code: {layout.CODE} names what {len(digests)} stages run of Assay"
