"""A version's verdict, as git holds it at the version's commit."""

from __future__ import annotations

from pathlib import Path

from assay.errors import AssayError
from assay.project import layout
from assay.registry import git
from assay.reports.verdict import Verdict


def read_past_verdict(root: Path, commit: str, bundle: str | None) -> Verdict | None:
    """The verdict at a commit, if it is about this bundle; None if there is none.

    Both the gate and promotion use it, to count the champion's tests. A version may have been
    promoted without a verdict.
    """
    try:
        found = Verdict.parse(git.show(root, commit, layout.VERDICT), layout.VERDICT)
    except (AssayError, UnicodeDecodeError):
        return None
    return found if found.bundle == bundle else None
