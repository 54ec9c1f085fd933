"""Ten runs killed with kill -9; `make chaos` kills a hundred."""

from __future__ import annotations

from pathlib import Path

from tests.chaos import Chaos, trials


def test_readers_never_see_what_a_killed_run_left(live: Path, spark):
    done = trials(Chaos(live, lambda: spark, seed=7), count=10)
    assert [trial.violations for trial in done] == [()] * 10
    assert sum(not trial.ended for trial in done) >= 8, "too few were killed while they ran"
