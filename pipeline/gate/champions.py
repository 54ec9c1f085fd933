"""What the gate once said of the version that holds the stage."""

from __future__ import annotations

from pathlib import Path

from pipeline import layout, verdict_json
from pipeline.errors import AssayError
from pipeline.registry import git, held
from pipeline.verdict import Verdict


def verdict_of(root: Path, bundle: str | None) -> Verdict | None:
    """The verdict that git holds at the champion's commit, if it is about that bundle.

    Where it cannot be had, there is none: a champion may have been promoted without one, and
    what is the matter with one that cannot be read is told by the rules that compare.
    """
    if bundle is None:
        return None
    try:
        commit = held.read(root).commit
        if commit is None:
            return None
        found = verdict_json.loads(git.show(root, commit, layout.VERDICT), layout.VERDICT)
    except (AssayError, UnicodeDecodeError):
        return None
    return found if found.bundle == bundle else None
