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
    "artifact_name",
    "read_champion",
    "read_stage_history",
    "read_state",
    "read_version",
    "read_versions",
    "select_champion",
]


def artifact_name(root: Path, name: str) -> str:
    """The artifact's full name in GTO and DVC, with the project's folder in its repository."""
    _, folder = git.root_and_prefix(root)
    return f"{folder}:{name}" if folder else name


def read_state(root: Path, name: str) -> RegistryState:
    """The registry state of the artifact, from the repository's tags."""
    full = artifact_name(root, name)
    return fold(tags.parse_tags(git.tags(root), full))


def read_versions(root: Path, name: str) -> tuple[Version, ...]:
    """Registered versions, the lowest first, without deregistered ones."""
    return read_state(root, name).versions


def read_version(root: Path, name: str, wanted: str) -> Version:
    """One version by its number, ``v0.1.0`` or ``0.1.0``; errors as for `select_version`."""
    return select_version(read_state(root, name), name, wanted)


def select_version(known: RegistryState, name: str, wanted: str) -> Version:
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
            fix="If another clone made it: git fetch --tags.",
        )
    return found


def read_stage_history(root: Path, name: str, stage: str) -> tuple[Assignment, ...]:
    """The assignments of a stage, the oldest first."""
    return read_state(root, name).histories.get(stage, ())


def read_champion(root: Path, name: str, stage: str) -> Version:
    """The version that holds the stage, with its bundle's digest; errors as `select_champion`."""
    return select_champion(read_state(root, name), name, stage)


def select_champion(known: RegistryState, name: str, stage: str) -> Version:
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
            fix="Promote one: assay promote. If another clone did: git fetch --tags.",
        )
    found = known.find(label)
    if found is None:
        raise NoChampion(
            f"the stage {stage} of {name} is held by a commit that is no version",
            expected="a version that assay promote registered",
            found=label[:10],
            fix="Check that commit out and run assay promote.",
        )
    if found.bundle == UNKNOWN:
        several = known.bundle_digests(found)
        raise NoChampion(
            f"{found.version} of {name} holds the stage {stage}, but its tags do not say which"
            " bundle it is",
            expected="one digest in a line 'Bundle: sha256:…'",
            found=", ".join(digest[:19] for digest in several) or "none",
            fix="Promote another commit, delete the tag that was made by hand, or assay rollback."
            if several
            else f"Check {found.version} out and run assay promote, or assay rollback.",
        )
    return found
