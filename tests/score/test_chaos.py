"""Runs killed with kill -9; `make chaos` kills a hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import Chaos, trials


@pytest.mark.parametrize(("carrier", "count"), [("local", 6), ("files", 2)])
def test_readers_never_see_what_a_killed_run_left(live: Path, carrier: str, count: int) -> None:
    done = trials(Chaos(live, seed=7, carrier=carrier), count)
    assert [trial.violations for trial in done] == [()] * count
    assert sum(not trial.ended for trial in done) >= count / 3, "too few killed while they ran"
