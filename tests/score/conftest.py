"""Projects with a promoted version whose nights are scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.project import params
from assay.project.params import Params
from assay.score import stage
from assay.store import Store, open_store
from tests.projects import PARCELS
from tests.scorer import NIGHT, Scorer, Shared


@pytest.fixture
def scorer(live: Path, spark: Any) -> Scorer:
    return Scorer(live, spark)


@pytest.fixture
def project(live: Path, spark: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its nights are scored by the suite's Spark."""
    monkeypatch.setattr(stage, "BackgroundSession", lambda params, root: Shared(spark))
    return live


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a night, still empty."""
    made = tmp_path / "in" / f"day={NIGHT}"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def values() -> Params:
    return params.load(PARCELS)


@pytest.fixture
def store(tmp_path: Path, values: Params) -> Store:
    return open_store(tmp_path, values)
