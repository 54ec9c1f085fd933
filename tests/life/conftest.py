"""The template that each life is a copy of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.life import template
from tests.life.machine import Team


@pytest.fixture(scope="session", autouse=True)
def lives(promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let each `Team` start from the promoted project."""
    Team.template = template.make(promoted, tmp_path_factory.mktemp("life") / "template")


@pytest.fixture
def team() -> Iterator[Team]:
    """A team in whose life nothing has happened yet; all laws are looked at in the end."""
    found = Team()
    yield found
    found.teardown()
