"""Registered versions and stage holders, read from git's tags.

One call of git is enough. Neither GTO nor DVC is imported, so that a scoring run starts at once.
"""

from __future__ import annotations

from pathlib import Path

from assay.errors import NoChampion, VersionUnknown
from assay.registry import git, tags
from assay.registry.state import UNKNOWN, Assignment, RegistryState, Version, fold

__all__ = [
    "UNKNOWN",
    "Assignment",
    "RegistryState",
    "Version",
    "artifact",
    "champion",
    "chosen",
    "history",
    "state",
    "version",
    "versions",
]


def artifact(root: Path, name: str) -> str:
    """The artifact's full name in GTO and DVC, with the project's folder in its repository."""
    _, folder = git.top(root)
    return f"{folder}:{name}" if folder else name


def state(root: Path, name: str) -> RegistryState:
    """The registry state of the artifact, from the repository's tags."""
    full = artifact(root, name)
    return fold(tags.events(git.tags(root), full))


def versions(root: Path, name: str) -> tuple[Version, ...]:
    """Registered versions, the lowest first, without deregistered ones."""
    return state(root, name).versions


def version(root: Path, name: str, wanted: str) -> Version:
    """One version by its number, ``v0.1.0`` or ``0.1.0``; errors as for `pick`."""
    return pick(state(root, name), name, wanted)


def pick(known: RegistryState, name: str, wanted: str) -> Version:
    """One version of a state, ``v0.1.0`` or ``0.1.0``.

    Raises
    ------
    VersionUnknown
        There is no such version; names those that exist.
    """
    found = known.find(wanted if wanted.startswith("v") else f"v{wanted}")
    if found is None:
        there = ", ".join(each.version for each in known.versions)
        raise VersionUnknown(
            f"{name} has no version {wanted}",
            expected=f"one of {there}" if there else "a registered version",
            found=None if there else "none yet",
            mend="If another clone made it: git fetch --tags.",
        )
    return found


def history(root: Path, name: str, stage: str) -> tuple[Assignment, ...]:
    """The assignments of a stage, the oldest first."""
    return state(root, name).histories.get(stage, ())


def champion(root: Path, name: str, stage: str) -> Version:
    """The version that holds the stage, with the digest of its bundle; errors as for `chosen`."""
    return chosen(state(root, name), name, stage)


def chosen(known: RegistryState, name: str, stage: str) -> Version:
    """The version that holds the stage in a state.

    Raises
    ------
    NoChampion
        Nothing holds the stage, or its holder cannot be trusted: a commit that is no version, or a
        version whose tags name no digest or two.
    """
    label = known.holders.get(stage)
    if label is None:
        raise NoChampion(
            f"no version of {name} holds the stage {stage}",
            found="a deprecated artifact" if known.deprecated else None,
            mend="Promote one: assay promote. If another clone did: git fetch --tags.",
        )
    found = known.find(label)
    if found is None:
        raise NoChampion(
            f"the stage {stage} of {name} is held by a commit that is no version",
            expected="a version that assay promote registered",
            found=label[:10],
            mend="Check that commit out and run assay promote.",
        )
    if found.bundle == UNKNOWN:
        several = known.named(found)
        raise NoChampion(
            f"{found.version} of {name} holds the stage {stage}, but its tags do not say which"
            " bundle it is",
            expected="one digest in a line 'Bundle: sha256:…'",
            found=", ".join(digest[:19] for digest in several) or "none",
            mend="Promote another commit, delete the tag that was made by hand, or assay rollback."
            if several
            else f"Check {found.version} out and run assay promote, or assay rollback.",
        )
    return found
