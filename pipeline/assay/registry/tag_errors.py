"""Diagnoses why git cannot write a tag: a stale lock, or a conflicting tag."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from assay.errors import PromotionRefused
from assay.registry import git


def diagnose_tag_error(root: Path, error: Exception, wanted: str) -> PromotionRefused:
    """The error for a tag that could not be written; names the lock or tag in the way, and the fix.

    Git creates ``NAME.lock`` before it writes ``NAME``, and a process that is killed in between
    leaves it. Only the user knows whether another git is running, so only the user may delete it.

    Parameters
    ----------
    wanted
        The name of the tag; without its counter if it ends in ``#``.
    """
    held = sorted(str(path) for path in _locks(root))
    if held:
        return PromotionRefused(
            "another git command is writing tags, or one that was killed left its lock",
            where=held[0],
            expected="no lock",
            found=f"{len(held)}: {', '.join(held)}" if len(held) > 1 else None,
            fix="If no git and no assay is at work in this repository, delete it and run the "
            f"same command again, which goes on where it stopped: rm {shlex.join(held)}",
        )
    if (other := _in_the_way(root, wanted)) is not None:
        name, what = other
        return PromotionRefused(
            "another tag is in the way of the one to be written",
            where=name,
            expected="annotated tags, as GTO and git tag --annotate write them",
            found=what,
            fix="Delete it here and wherever it was pushed to, and run the same command again: "
            f"git tag --delete {shlex.quote(name)}",
        )
    return PromotionRefused(
        "GTO would not write the tag",
        found=" ".join(str(error).split()) or type(error).__name__,
        fix="If somebody was faster: git fetch --tags, then try again.",
    )


def _locks(root: Path) -> Iterator[Path]:
    folder = git.common_dir(root)
    yield from (path for path in (folder / "packed-refs.lock",) if path.exists())
    yield from (folder / "refs" / "tags").rglob("*.lock")


def _in_the_way(root: Path, wanted: str) -> tuple[str, str] | None:
    """A tag of the same name without a message, or one that uses the name as a folder."""
    pattern = re.escape(wanted) + (r"\d+" if wanted.endswith("#") else "")
    saying = {tag.name for tag in git.tags(root)}
    for name in git.tag_names(root):
        if re.fullmatch(pattern, name) and name not in saying:
            return name, "a light tag, or one of no commit, which says nothing"
        if re.match(f"{pattern}/", name):
            return name, "a tag below that name, which git cannot have beside it"
    return None
