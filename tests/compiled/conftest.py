"""What the tests of compiled models share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The models are tiny: threads would wait for each other longer than they work."""
    with threadpool_limits(1):
        yield
