"""What the gate once said of the version that holds the stage."""

from __future__ import annotations

from pathlib import Path

from assay.errors import AssayError
from assay.registry import past_verdict
from assay.reports.champion import StageHolder
from assay.reports.verdict import Verdict


def verdict_of(root: Path, bundle: str | None) -> Verdict | None:
    """The verdict at the commit that the champion stage found, if it is about that bundle.

    What is the matter with one that cannot be read is told by the rules that compare.
    """
    if bundle is None:
        return None
    try:
        commit = StageHolder.read(root).commit
    except AssayError:
        return None
    return None if commit is None else past_verdict.verdict_at(root, commit, bundle)
