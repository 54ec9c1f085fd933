"""One server for all buckets of a run, and a world for each test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import s3
from tests.workflows.world import BUCKET, World, world


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with s3.serving() as url:
        yield url


@pytest.fixture
def team(tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world in which nothing has been done yet."""
    s3.use(endpoint, BUCKET, monkeypatch)
    with world(tmp_path, endpoint) as made:
        yield made
