"""The exact packages that this version of Assay was tested with, as the lists of a project.

The wheel carries the lists that Assay itself is developed with: each package by its version and the
hashes of its files. A project gets them as they are, so no network is needed to write them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from assay.errors import UsageError
from assay.project import layout
from assay.project.document import write_text
from assay.registry import git

FOLDER = "requirements"
ASSAY = f"{FOLDER}/assay.txt"
LISTS = ("build", "run", "s3", "gs", "azure", "ssh")
"""What builds packages that are published as source only; Assay's; those of DVC's remotes."""


def pinned_lists() -> dict[str, str]:
    """The text of each list, by its path in a project; Assay itself has one of its own."""
    source = files("assay.init") / FOLDER
    texts = {
        f"{FOLDER}/{name}.txt": (source / f"{name}.txt").read_text(encoding="utf-8")
        for name in LISTS
    }
    return {**texts, ASSAY: f"assay=={version('assay')}\n"}


@dataclass(frozen=True)
class Renewed:
    """The lists of a project that were written anew.

    Parameters
    ----------
    files
        Path in the project -> the changed lines that name a package, with ``-`` or ``+`` before.
    """

    folder: Path
    version: str
    files: Mapping[str, tuple[str, ...]]


def renew(folder: Path) -> Renewed:
    """Write all lists as `pinned_lists` has them, since they agree only with each other.

    A hash that somebody wrote behind Assay's own line stays as long as it is of this version.

    Raises
    ------
    UsageError
        There is no project in ``folder``, or a list has changes that are not committed.
    NotARepository
        Git does not know the project.
    """
    if not (folder / layout.PARAMS).exists():
        raise UsageError(
            "there is no project", where=str(folder), expected=layout.PARAMS, fix="Name its folder"
        )
    texts = pinned_lists()
    there = {path: _read(folder / path) for path in texts}
    if texts[ASSAY].strip() in there[ASSAY].split():
        del texts[ASSAY]
    changed = [path for path, text in texts.items() if text != there[path]]
    _, below = git.root_and_prefix(folder)
    torn = {path.removeprefix(below) for path in git.uncommitted_files(folder)} & {*changed}
    if torn:
        raise UsageError(
            "would mix with changes that are not committed",
            where=str(folder),
            found=", ".join(sorted(torn)),
            fix="Commit them first: git can then undo what is written",
        )
    for path in changed:
        write_text(folder / path, texts[path])
    files = {path: _changes(there[path], texts[path]) for path in changed}
    return Renewed(folder, version("assay"), files)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _changes(before: str, after: str) -> tuple[str, ...]:
    return tuple(unified_diff(_pins(before), _pins(after), n=0, lineterm=""))[2:]


def _pins(text: str) -> list[str]:
    """The lines of a list that name a package, without its hashes and comments."""
    return [line.rstrip(" \\") for line in text.splitlines() if line[:1].strip() not in ("", "#")]
