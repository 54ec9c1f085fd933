"""Pins a version: its bundle and its contract, fixed once for a whole scoring run.

Everything that determines a score comes from the promoted commit, never from the work tree. The
bundle comes through DVC. The contract file, its table rules and the project's own modules that
contract and model import come through git. Locations (store, input, Spark) come from the work
tree's params.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.contract.definition import Contract
from assay.contract.loader import load_committed_contract
from assay.errors import BundleChanged, VersionUnknown
from assay.model import bundle
from assay.model.bundle import Bundle
from assay.project import layout
from assay.project.params import ContractParams, Params

if TYPE_CHECKING:
    from assay.registry.versions import RegistryState, Version
    from assay.store import Run


_NUMBER = re.compile(r"v?\d+(\.\d+)*\S*")


def is_number(name: str) -> bool:
    """Whether it names a version, such as ``v0.2.0``, and no stage."""
    return _NUMBER.fullmatch(name) is not None


@dataclass(frozen=True)
class PinnedVersion:
    """What a run scores with, fixed from its first row to its last.

    ``doubt`` states why the version is unverified; None if it is verified or was not checked.
    """

    version: Version
    bundle: Bundle
    contract: Contract
    contract_digest: str
    rules: ContractParams
    doubt: str | None = None

    @property
    def scorer(self) -> str:
        """How rows are scored: by a compiled model, or by scikit-learn with the reason."""
        proof = self.bundle.manifest.compiled
        if proof["used"]:
            return f"compiled {proof['kind']}"
        return f"scikit-learn ({proof['reason']})"

    @property
    def warning(self) -> str:
        """The warning for an unverified version; "" for any other."""
        from assay.registry.verification import unverified_warning

        return unverified_warning(self.version.version, self.doubt) if self.doubt else ""


def pin(root: Path, params: Params, version: Version) -> PinnedVersion:
    """Fetch the bundle and contract of a version, which was resolved once for the whole command."""
    from assay.registry.fetch import fetch_bundle, version_code_reader

    folder = fetch_bundle(root, version, root / layout.WORK / "bundles")
    loaded = bundle.load(
        folder,
        expected=version.bundle,
        allow_types=params.bundle.allow_types,
        code=version_code_reader(root, version),
    )
    contract, digest, rules = load_pinned_contract(root, version, loaded)
    _ = loaded.scorer  # report a model that cannot be loaded before Spark starts
    return PinnedVersion(version, loaded, contract, digest, rules)


def pin_verified(
    root: Path, params: Params, known: RegistryState, version: Version, stage: str | None = None
) -> PinnedVersion:
    """As `pin`, with the doubt about a version, or about who gave it the stage that it holds.

    Raises
    ------
    VersionRefused
        It may not be used here.
    """
    from assay.registry import allowed, verification

    allowed.require_allowed(root, known, version, stage)
    doubt = verification.find_doubt(root, known, version, stage)
    return replace(pin(root, params, version), doubt=doubt)


def pin_named(root: Path, params: Params, name: str | None) -> PinnedVersion:
    """A version by its number, such as ``v0.2.0``, or the holder of a stage, with its doubt.

    Parameters
    ----------
    name
        None stands for the stage that params.yaml scores with.

    Raises
    ------
    NoChampion
        Nothing holds the stage.
    VersionUnknown
        There is no such version.
    """
    from assay.registry import versions

    known, stage = versions.read_state(root, params.name), name or params.registry.stage
    if is_number(stage):
        numbered = versions.select_version(known, params.name, stage)
        return pin_verified(root, params, known, numbered)
    held = versions.select_champion(known, params.name, stage)
    return pin_verified(root, params, known, held, stage)


def pin_run(root: Path, params: Params, record: Run) -> PinnedVersion:
    """The version that made a run, pinned again.

    Raises
    ------
    BundleChanged
        The registered version's bundle is not the one that scored the night.
    """
    from assay.registry.versions import read_version

    pinned = pin(root, params, read_version(root, params.name, record.version))
    if pinned.bundle.digest != record.bundle:
        raise BundleChanged(
            "the version is not what scored the night",
            where=f"night {record.partition}, {record.version}",
            expected=record.bundle[:19],
            found=pinned.bundle.digest[:19],
        )
    return pinned


def load_pinned_contract(
    root: Path, version: Version, loaded: Bundle
) -> tuple[Contract, str, ContractParams]:
    """The contract at a version's commit without its label, its digest, and its table rules.

    Raises
    ------
    BundleChanged
        The bundle was trained under another contract.
    """
    from assay.registry import git
    from assay.registry.fetch import version_code_reader

    return load_committed_contract(
        partial(git.show, root, version.commit),
        version_code_reader(root, version),
        version.version,
        loaded.manifest.contract_digest,
    )


def load_run_bundle(root: Path, params: Params, record: Run) -> Bundle:
    """The bundle that scored a run, fetched if necessary.

    Raises
    ------
    VersionUnknown
        Its version is not registered here.
    """
    from assay.registry.fetch import fetch_bundle, version_code_reader
    from assay.registry.versions import read_versions

    version: Version | None = next(
        (each for each in read_versions(root, params.name) if each.version == record.version), None
    )
    if version is None:
        raise VersionUnknown(
            f"the version that scored this night, {record.version}, is not registered here",
            where=f"run {record.run_id}",
            fix="If another clone made it: git fetch --tags.",
        )
    folder = fetch_bundle(root, version, root / layout.WORK / "bundles")
    # Verify against the run's digest: a tag may have been moved since.
    return bundle.load(
        folder,
        expected=record.bundle,
        allow_types=params.bundle.allow_types,
        code=version_code_reader(root, version),
    )


def run_bundle_loader(root: Path, params: Params) -> Callable[[Run], Bundle]:
    """`load_run_bundle` with a cache, so that each bundle is fetched once."""
    fetched: dict[str, Bundle] = {}

    def fetch(record: Run) -> Bundle:
        if record.bundle not in fetched:
            fetched[record.bundle] = load_run_bundle(root, params, record)
        return fetched[record.bundle]

    return fetch
