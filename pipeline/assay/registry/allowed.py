"""Whether a version may be used here: the one place that decides it, for every command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import VersionRefused
from assay.project.params import Params
from assay.registry.versions import RegistryState, Version

if TYPE_CHECKING:
    from assay.registry.access import Policy
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
        Its tags or its statement are not signed by a key that counts. Nothing of its bundle was
        read.
    """
    from assay.registry import access, signatures

    policy = access.read_policy(root)
    signatures.check(root, policy, known, version, stage)
    doubt = _statement_doubt(root, policy, known, version, stage)
    if doubt is not None and policy.signing.require:
        raise VersionRefused(
            f"{version.version} may not be used here: {doubt}",
            where=version.name,
            expected=f"a signature by a key under signing.trusted in {policy.place}, of the tag "
            "that gave the stage",
            fix="Who may sign promotes it, or rolls back to it, with signing.by; assay verify "
            f"{version.version} says more.",
        )


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

    policy = access.read_policy(root)
    if not (policy.signing.require or policy.access.require_signature):
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
    from assay.registry import access, signatures

    policy = access.read_policy(root)
    try:
        signatures.check(root, policy, known, version, stage)
    except VersionRefused as error:
        return f"{error.where}: {error.what}"
    return _statement_doubt(root, policy, known, version, stage)


def _statement_doubt(
    root: Path, policy: Policy, known: RegistryState, version: Version, stage: str | None
) -> str | None:
    if not policy.signing.trusted:
        return None
    from assay.registry.signing.versions import find_signature

    try:
        find_signature(root, policy, known, version, stage)
    except ValueError as error:
        return str(error)
    return None
