"""A project with published nights, whose commit has another model than the stage's version."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.plan import stage
from assay.plan.apply import Applied
from assay.plan.apply import run as apply
from assay.plan.document import Plan
from assay.project import params
from assay.project.params import Params
from assay.registry import git, tag_writer, versions
from assay.registry.versions import PromotionEvidence
from assay.score.stage import run as score
from assay.store import Store, open_store
from tests import projects

NIGHTS = ("2024-03-01", "2024-03-02", "2024-03-03")


class Planner:
    """A project, and what its owners do about its next version."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def params(self) -> Params:
        return params.load(self.root)

    @property
    def store(self) -> Store:
        return open_store(self.root, self.params)

    def plan(self, **asked: object) -> Plan:
        return stage.run(self.root, self.params, **asked).plan  # type: ignore[arg-type]

    def apply(self, **asked: object) -> Applied:
        return apply(self.root, self.params, **asked)  # type: ignore[arg-type]

    def change_params(self, change: Callable[[str], str]) -> None:
        path = self.root / "params.yaml"
        path.write_text(change(path.read_text()))

    def promote(self) -> str:
        """Give the stage to the bundle at HEAD, whatever the gate would say of it."""
        known = versions.read_state(self.root, "parcels")
        pinned = stage.pin_head(self.root, self.params, known, git.head(self.root))
        coming = pinned.version
        facts = {"Bundle": coming.bundle}
        tag_writer.register(self.root, coming.name, coming.version, coming.commit, facts=facts)
        known = versions.read_state(self.root, "parcels")
        version = versions.select_version(known, "parcels", coming.version)
        message = tag_writer.stage_message(
            self.root, version, "prod", "promote", because="better", evidence=PromotionEvidence()
        )
        tag_writer.assign(self.root, known, version, "prod", message)
        return coming.version


@pytest.fixture(scope="session")
def newer(promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The promoted project with three published nights and another model at HEAD."""
    root = tmp_path_factory.mktemp("newer") / "parcels"
    shutil.copytree(promoted, root, symlinks=True)
    score(root, params.load(root), NIGHTS[0], NIGHTS[-1])
    Planner(root).change_params(
        lambda text: text.replace("calibration: sigmoid", "calibration: none").replace(
            "threshold: 0.5", "threshold: 0.55"
        )
    )
    projects.call(root, "dvc", "repro", "--quiet", "select")
    projects.call(root, "git", "add", "--all")
    projects.call(root, "git", "commit", "--quiet", "--message", "Another model")
    return root


@pytest.fixture
def planner(newer: Path, tmp_path: Path) -> Planner:
    """A copy of it to do anything to."""
    shutil.copytree(newer, tmp_path / "newer", symlinks=True)
    return Planner(tmp_path / "newer")
