"""The bundle of the version that scored a night, wherever it has to be fetched from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import bundle, layout
from pipeline.errors import VersionUnknown
from pipeline.params import Params

if TYPE_CHECKING:
    from pipeline.registry.versions import Version
    from pipeline.store import RunRecord


def bundle_of(root: Path, params: Params, record: RunRecord) -> bundle.Bundle:
    """What scored the night of a run.

    Raises
    ------
    VersionUnknown, BundleMissing, BundleChanged
        It cannot be had any more.
    """
    from pipeline.registry.fetch import fetch_bundle, reader_at
    from pipeline.registry.versions import versions

    version: Version | None = next(
        (each for each in versions(root, params.name) if each.version == record.version), None
    )
    if version is None:
        raise VersionUnknown(
            f"the version that scored this night, {record.version}, is not registered here",
            where=f"run {record.run_id}",
            mend="If another clone made it: git fetch --tags.",
        )
    folder = fetch_bundle(root, version, root / layout.WORK / "bundles")
    # The run's digest decides: a tag that was moved since must not pass for what scored.
    return bundle.load(
        folder,
        expected=record.bundle,
        allow_types=params.bundle.allow_types,
        code=reader_at(root, version),
    )
