"""The command ``assay verify``: whether a version is what its tags, verdict and signature say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.errors import VersionRefused
from assay.project.params import Params
from assay.registry import fetch, verification, versions
from assay.registry.pin import is_number


@dataclass(frozen=True)
class Verified:
    """The version that was verified: its bundle's digest, its verdict and its number of files."""

    version: str
    bundle: str
    outcome: str | None
    files: int


def run(root: Path, params: Params, name: str | None) -> Verified:
    """Verify a version: tags, verdict, bundle, and signatures if `access` requires them.

    Parameters
    ----------
    name
        A number or a stage; None stands for ``registry.stage``.

    Raises
    ------
    VersionRefused
        It is not what they say, or not signed; says why.
    BundleMissing, BundleChanged
        Its bundle cannot be had, or has other bytes.
    """
    known, wanted = versions.read_state(root, params.name), name or params.registry.stage
    stage = None if is_number(wanted) else wanted
    find = versions.select_version if stage is None else versions.select_champion
    version = find(known, params.name, wanted)
    doubt = verification.find_doubt(root, known, version, stage)
    if doubt is not None:
        raise VersionRefused(f"{version.version} is not verified: {doubt}", where=version.name)
    folder = fetch.fetch_bundle(root, version, root / fetch.BUNDLES)
    return Verified(version.version, version.bundle, version.outcome, len(list(folder.iterdir())))
