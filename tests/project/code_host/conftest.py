from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from assay.project.code_host.client import Client
from assay.project.code_host.github import GitHub, connect
from tests.code_host import REPOSITORY, TOKEN, CodeHost, serve


@pytest.fixture
def server() -> Iterator[CodeHost]:
    with serve() as host:
        yield host


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the client waited, in a test that does not."""
    return []


@pytest.fixture
def client(server: CodeHost, waits: list[float]) -> Client:
    made = connect(server.url, TOKEN)
    made.sleep = waits.append
    made.timeout_s = 5.0
    return made


@pytest.fixture
def hub(client: Client) -> GitHub:
    return GitHub(client, REPOSITORY)


@pytest.fixture
def broken() -> Callable[[str], Client]:
    """A client of an address where nobody answers."""

    def make(url: str) -> Client:
        made = connect(url, TOKEN)
        made.sleep = lambda _: None
        made.timeout_s = 0.4
        return made

    return make
