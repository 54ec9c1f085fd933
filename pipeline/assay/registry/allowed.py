"""Whether a version may be used here: the one place that decides it, for every command."""

from __future__ import annotations

from pathlib import Path

from assay.errors import VersionRefused
from assay.project.params import Params
from assay.registry.versions import RegistryState, Version


def require_allowed(
    root: Path, params: Params, known: RegistryState, version: Version, stage: str | None = None
) -> None:
    """Refuse a version that is not signed as the project asks.

    Parameters
    ----------
    stage
        The stage that it is used as the holder of; None if it was named by its number.

    Raises
    ------
    VersionRefused
        It is not signed by a key that counts. Nothing of its bundle was read.
    """
    doubt = signature_doubt(root, params, known, version, stage)
    if doubt is not None and params.signing.require:
        raise VersionRefused(
            f"{version.version} may not be used here: {doubt}",
            where=version.name,
            expected="a signature by a key under signing.trusted, of the tag that gave the stage",
            fix="Who may sign promotes it, or rolls back to it, with signing.by; assay verify "
            f"{version.version} says more.",
        )


def signature_doubt(
    root: Path, params: Params, known: RegistryState, version: Version, stage: str | None = None
) -> str | None:
    """Why a version's signature does not count; None if it does, or no key is trusted."""
    if not params.signing.trusted:
        return None
    from assay.registry.signing.versions import find_signature

    try:
        find_signature(root, params.signing, known, version, stage)
    except ValueError as error:
        return str(error)
    return None
