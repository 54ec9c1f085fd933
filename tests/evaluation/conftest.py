"""The parcels project with a champion in models/champion that a test may change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.evaluation import compare as stage
from assay.model import bundle_files
from assay.project import layout
from assay.project import params as parameters
from assay.project.document import write_json
from assay.reports.comparison import Comparison

FOUND = {"schema": 1, "state": "found", "stage": "prod", "version": "v0.1.0", "commit": "c" * 40}


class Match:
    """A selected bundle, a champion, and what the stage makes of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.champion("prior")

    def champion(self, candidate: str) -> None:
        """Let this candidate's bundle hold the stage."""
        copy = self.root / layout.CHAMPION_BUNDLE
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.root / layout.CANDIDATES / candidate, copy)
        self.told(**FOUND, bundle=bundle_files.verified_digest(copy), why=None)

    def told(self, **facts: Any) -> None:
        write_json(self.root / layout.CHAMPION_FACTS, facts)

    def compared(self) -> Comparison:
        """What the stage returns, which is what it wrote."""
        found = stage.run(self.root, parameters.load(self.root))
        assert Comparison.read(self.root).tree() == found.tree()
        return found

    def shown(self, *options: str) -> str:
        """What ``assay stage compare`` prints."""
        with redirect_stdout(StringIO()) as out:
            assert main(["stage", "compare", "--root", str(self.root), *options]) == 0
        return out.getvalue()


@pytest.fixture
def match(parcels: Path) -> Match:
    return Match(parcels)


@pytest.fixture(scope="session")
def facts() -> Callable[..., dict[str, Any]]:
    """What champion.json says where a bundle was found, with some of it changed."""
    return lambda **changes: {**FOUND, "bundle": "sha256:1", "why": None, **changes}
