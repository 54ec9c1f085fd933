"""The champion stage of dvc.yaml: fetches the version that holds the registry stage.

The candidate is compared with it. Tags are not files, so DVC cannot detect their changes. The stage
therefore always runs, and its output depends on the tags alone. Later stages run again only if
another version holds the registry stage.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from assay.errors import AssayError, NoChampion, NotARepository, VersionUnknown
from assay.model.bundle_files import code_paths
from assay.project import digests, layout, partitions
from assay.project.document import write_json
from assay.project.params import Params
from assay.registry import fetch, git, remotes, versions
from assay.registry.allowed import require_allowed
from assay.reports.champion import StageHolder


def run(root: Path, params: Params) -> StageHolder:
    """Write ``models/champion``: which version holds the stage, its bundle and its contract.

    It is not an error here if no version holds the stage or its bundle cannot be fetched; the gate
    decides what that means.
    """
    held, bundle = find(root, params)
    with partitions.replace_folder(root / layout.CHAMPION) as made:
        if bundle is not None:
            _copy(bundle, made / Path(layout.CHAMPION_BUNDLE).name)
            _write_code(root, held, bundle, made / Path(layout.CHAMPION_CODE).name)
            _write_contract(root, held, made / Path(layout.CHAMPION_CONTRACT).name)
        write_json(made / Path(layout.CHAMPION_FACTS).name, held.tree())
    return held


def find(root: Path, params: Params) -> tuple[StageHolder, Path | None]:
    """The version that holds the stage, and the folder of its bundle if it could be fetched."""
    name, stage = params.name, params.registry.stage
    known = versions.read_state(root, name)
    label = known.holders.get(stage)
    if label is None and not known.numbers and git.is_shallow(root) and remotes.remote_name(root):
        # A shallow clone has no tags, so their absence proves nothing.
        why = "this clone is shallow and has no tags: git fetch --unshallow --tags"
        return StageHolder(state="unreadable", stage=stage, why=why), None
    try:
        version = versions.select_champion(known, name, stage)
    except NoChampion as error:
        if label is None:
            return StageHolder(state="none", stage=stage, why=error.line()), None
        holder = known.find(label)
        return StageHolder(
            state="unreadable",
            stage=stage,
            version=None if holder is None else holder.version,
            commit=label if holder is None else holder.commit,
            why=error.line(),
        ), None
    facts: dict[str, Any] = {
        "version": version.version,
        "commit": version.commit,
        "bundle": version.bundle,
    }
    try:
        require_allowed(root, known, version, stage)
        bundle = fetch.fetch_bundle(root, version, root / fetch.BUNDLES)
    except NotARepository:
        raise
    except AssayError as error:
        return StageHolder(state="unreadable", stage=stage, why=error.line(), **facts), None
    return StageHolder(state="found", stage=stage, **facts), bundle


def _copy(bundle: Path, target: Path) -> None:
    # Copy the content only: DVC's hash must not depend on how the cache links files.
    target.mkdir()
    for path in sorted(bundle.iterdir()):
        shutil.copyfile(path, target / path.name)


def _write_code(root: Path, held: StageHolder, bundle: Path, target: Path) -> None:
    """Write the project's own code that the model needs, as of the champion's commit.

    A file that is not in git there is left out; loading the bundle reports it.
    """
    assert held.commit is not None
    for path in code_paths(bundle):
        with suppress(VersionUnknown):
            _write(target / path, git.show(root, held.commit, path))


def _write_contract(root: Path, held: StageHolder, target: Path) -> None:
    """Write the champion's contract as of its commit, so that it can be applied without git.

    A file that is not in git there is left out; loading the contract reports it.
    """
    assert held.commit is not None and held.version is not None
    commit = held.commit

    def read(path: str) -> str | None:
        try:
            return git.show(root, commit, path)
        except (VersionUnknown, UnicodeDecodeError):
            return None

    for path, text in digests.contract_files(read, held.version).items():
        _write(target / path, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
