"""The champion's own verdict, from the commit that it was promoted at."""

from __future__ import annotations

from pathlib import Path

from assay.errors import AssayError
from assay.registry import past_verdict
from assay.reports.champion import StageHolder
from assay.reports.verdict import Verdict


def load_champion_verdict(root: Path, bundle: str | None) -> Verdict | None:
    """The verdict at the champion's commit, if it is about ``bundle``; else None.

    An unreadable champion is not an error here: the change rules report it.
    """
    if bundle is None:
        return None
    try:
        commit = StageHolder.read(root).commit
    except AssayError:
        return None
    return None if commit is None else past_verdict.read_past_verdict(root, commit, bundle)
