from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.code_host import CodeHost, serve


@pytest.fixture
def server() -> Iterator[CodeHost]:
    with serve() as host:
        yield host
