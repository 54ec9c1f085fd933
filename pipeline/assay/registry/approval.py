"""Who approved what is promoted, and is none of its authors (``registry.require_approval``).

The code host is asked, which knows accounts (`assay.hosting.approval`). Everywhere a tag of git
counts, which names its maker as git was told.
"""

from __future__ import annotations

from pathlib import Path

from assay.errors import AssayError, PromotionRefused
from assay.project import layout
from assay.registry import git

TAGS = "approved/"
"""How the names of tags of approval begin."""


def tagger(root: Path, commit: str, verdict: str) -> str | None:
    """Who made an annotated tag ``approved/...`` on a commit with this very verdict.

    The authors of the verdict, in that commit and in the one to promote, cannot approve it. People
    are told apart by their addresses.

    Parameters
    ----------
    verdict
        The text of verdict.json in the commit to promote.
    """
    for each in git.tags(root):
        if not each.name.startswith(TAGS) or _verdict_at(root, each.commit) != verdict:
            continue
        if _address(each.by) not in {_author(root, commit), _author(root, each.commit)}:
            return each.by
    return None


def refusal(commit: str) -> PromotionRefused:
    """That nobody but its authors approved it, and what helps."""
    tag = f"{TAGS}{commit[:10]}"
    return PromotionRefused(
        "nobody but its authors approved what is promoted",
        where=f"{layout.PARAMS}: registry.require_approval",
        expected="an approving review of the pull request's newest commit, or a tag approved/... "
        "on a commit with this verdict, by somebody else",
        found="neither",
        fix=f"Somebody else types: git tag --annotate {tag} --message WHY {commit[:10]} && "
        f"git push origin {tag}; then promote again.",
    )


def _verdict_at(root: Path, commit: str) -> str | None:
    try:
        return git.show(root, commit, layout.VERDICT)
    except AssayError:
        return None


def _author(root: Path, commit: str) -> str:
    """The address of who last changed the verdict."""
    done = git.run(root, "log", "-1", "--format=%ae", commit, "--", layout.VERDICT)
    return done.stdout.decode(errors="replace").strip().lower()


def _address(by: str) -> str:
    return by.rpartition("<")[2].rstrip(">").lower()
