"""One server for all buckets of a run; a world in which nothing happened, and one with a model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import projects, s3
from tests.workflows import wheel
from tests.workflows.world import BUCKET, World, world


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with s3.serving() as url:
        yield url


@pytest.fixture(scope="session")
def tools(promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands that the wheel of this tree brings; `promoted` has compiled their kernels."""
    return wheel.moved(projects.made_once(wheel.NAME, wheel.install, tmp_path_factory))


@pytest.fixture(scope="session")
def trained(endpoint: str, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A laptop's folder with a model that its author trained and pushed to the bucket."""
    with pytest.MonkeyPatch.context() as patch:
        s3.use(endpoint, BUCKET, patch)
        with world(tmp_path_factory.mktemp("trained"), endpoint, tools) as made:
            made.start()
            made.branch("model")
            made.keep_candidate("linear")
            made.call("dvc", "repro")
            made.call("dvc", "push")
            made.commit("Train")
            return made.folder


@pytest.fixture
def team(
    tmp_path: Path, endpoint: str, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A world in which nothing has been done yet, with a bucket of its own."""
    s3.use(endpoint, BUCKET, monkeypatch)
    with world(tmp_path, endpoint, tools) as made:
        yield made


@pytest.fixture
def ready(
    trained: Path, tmp_path: Path, endpoint: str, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """The world of `trained`, its branch ``model`` ready for a pull request."""
    s3.use(endpoint, BUCKET, monkeypatch)
    with world(tmp_path / "world", endpoint, tools) as made:
        for name in ("origin.git", "laptop"):
            shutil.copytree(trained / name, made.folder / name, symlinks=True)
        made.call("git", "remote", "set-url", "origin", str(made.origin))
        made.call("dvc", "push")
        yield made
