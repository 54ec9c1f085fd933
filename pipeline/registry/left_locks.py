"""Locks in git's own folder that a killed command left behind, and how to go on from there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import PromotionRefused
from pipeline.registry import git


def refused(root: Path, error: Exception) -> PromotionRefused:
    """Why a tag could not be written; if git holds a lock on tags, which, and what to do.

    Git makes ``NAME.lock`` before it writes ``NAME``, and a process that is killed in between
    leaves it. Nobody but the user knows that no other git is at work, so nobody but the user
    may delete it.
    """
    held = sorted(str(path) for path in _locks(root))
    if held:
        return PromotionRefused(
            "another git command is writing tags, or one that was killed left its lock",
            where=held[0],
            expected="no lock",
            found=f"{len(held)}: {', '.join(held)}" if len(held) > 1 else None,
            mend="If no git and no assay is at work in this repository, delete it and run the "
            f"same command again, which goes on where it stopped: rm {shlex.join(held)}",
        )
    return PromotionRefused(
        "GTO would not write the tag",
        found=" ".join(str(error).split()) or type(error).__name__,
        mend="If somebody was faster: git fetch --tags, then try again.",
    )


def _locks(root: Path) -> Iterator[Path]:
    folder = git.common_folder(root)
    yield from (path for path in (folder / "packed-refs.lock",) if path.exists())
    yield from (folder / "refs" / "tags").rglob("*.lock")
