"""Keeps exported rows out of git: rejects paths that the next ``git add`` would add."""

from __future__ import annotations

from pathlib import Path

from assay.errors import UsageError
from assay.registry import git

EXPORTS = "exports"
"""A folder of the project that git ignores."""


def check_not_in_git(root: Path, target: Path, option: str) -> Path:
    """``target``, after checking that git will not add it.

    Raises
    ------
    UsageError
        Git would add it.
    """
    place, project = target.expanduser().absolute().resolve(), root.resolve()
    if project not in place.parents:
        return target
    folder = project / EXPORTS
    if folder in place.parents and not (folder / ".gitignore").exists():
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("# Rows of data: never in git.\n*\n", encoding="utf-8")
    if git.would_add(project, place):
        raise UsageError(
            "git would add these rows to the project with the next commit",
            where=f"{option} {target}",
            expected=f"a path in {EXPORTS}/, or outside of the project",
        )
    return target
