"""Scoring runs killed with kill -9, or interrupted as by Ctrl-C; `make chaos` kills a hundred."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.chaos import Chaos, trials


@pytest.fixture(scope="module", params=["local", "files"])
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def took(
    carrier: str, promoted: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[float, float]:
    """Seconds of a run that nobody ends: until its first night began, and in all."""
    root = tmp_path_factory.mktemp("whole") / "live"
    shutil.copytree(promoted, root, symlinks=True)
    whole = Chaos(root, seed=1, carrier=carrier)
    whole.score()
    return whole.whole_run()


def test_readers_never_see_what_a_killed_run_left(
    live: Path, carrier: str, took: tuple[float, float]
) -> None:
    count = {"local": 6, "files": 2}[carrier]
    done = trials(Chaos(live, seed=7, carrier=carrier), count, took=took)
    assert not [fault for trial in done for fault in trial.violations]
    assert sum(not trial.ended for trial in done) >= count / 3, "too few killed while they ran"


def test_an_interrupted_run_says_one_line_and_leaves_readers_what_they_had(
    live: Path, carrier: str, took: tuple[float, float]
) -> None:
    chaos = Chaos(live, seed=5, carrier=carrier)
    done = trials(chaos, count=2, by=signal.SIGINT, took=took)
    assert not [fault for trial in done for fault in trial.violations]
