"""Whether a version may be used here: the one place that decides it, for every command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import VersionRefused
from assay.project.params import Params
from assay.registry.versions import RegistryState, Version

if TYPE_CHECKING:
    from assay.store import Run


def require_allowed(
    root: Path, known: RegistryState, version: Version, stage: str | None = None
) -> None:
    """Refuse a version that is not signed as the project asks.

    Parameters
    ----------
    stage
        The stage that it is used as the holder of; None if it was named by its number.

    Raises
    ------
    VersionRefused
        Its tags are not signed by a key that counts. Nothing of its bundle was read.
    """
    from assay.registry import access, signatures

    signatures.check(root, access.read_policy(root), known, version, stage)


def require_run(root: Path, params: Params, run: Run) -> None:
    """Refuse what a run published with a version that may not be used.

    Raises
    ------
    VersionRefused
        It is not signed as the project asks, or names another bundle than the run does.
    VersionUnknown
        It is not registered here.
    """
    from assay.registry import access, versions

    if not access.read_policy(root).access.require_signature:
        return  # a store can be read without the tags of its versions
    known = versions.read_state(root, params.name)
    version = versions.select_version(known, params.name, run.version)
    require_allowed(root, known, version)
    if version.bundle != run.bundle:
        raise VersionRefused(
            "the run names another bundle than the signed version",
            where=f"run {run.run_id}",
            expected=f"{version.bundle[:19]}, which is {version.version}",
            found=run.bundle[:19],
            fix="Score the night again: assay score --force.",
        )


def signature_doubt(
    root: Path, known: RegistryState, version: Version, stage: str | None = None
) -> str | None:
    """Why the signature of a version or of its tags does not count; None if none is asked for."""
    try:
        require_allowed(root, known, version, stage)
    except VersionRefused as error:
        return f"{error.where}: {error.what}"
    return None
