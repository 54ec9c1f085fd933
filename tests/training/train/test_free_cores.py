"""Training leaves to other programs the cores that they use."""

from __future__ import annotations

import multiprocessing
import time

import pytest
import sklearn.ensemble  # noqa: F401, which loads OpenMP
from threadpoolctl import threadpool_info

from assay.project.processes import own_cores
from assay.training.train import workplace
from assay.training.train.workplace import Clocks, read_clocks, use_free_cores


def threads() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "openmp"}


@pytest.mark.parametrize(("others", "found"), [(0.0, 4), (0.4, 4), (0.6, 3), (2.1, 2), (9.0, 1)])
def test_as_many_cores_are_free_as_others_do_not_use(others: float, found: int) -> None:
    before, own = Clocks(50.0, 3.0, 7.0), 1.5
    now = Clocks(50.0 + 2 * others + own, 3.0 + own, 9.0)
    assert workplace.free_cores(before, now, 4) == found


def test_threads_are_limited_in_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(workplace, "own_cores", lambda: 8)
    at = read_clocks()
    if at is None:
        pytest.fail("the kernel of this machine does not tell")
    before, outside = at._replace(busy=at.busy - 70, own=at.own - 0.1, at=at.at - 10), threads()
    with use_free_cores(before) as look:
        assert threads() == {1}
        # The others have ended meanwhile.
        later = read_clocks()
        assert later is not None
        monkeypatch.setattr(workplace, "read_clocks", lambda: later._replace(at=later.at + 10))
        look()
        assert threads() == {8}
    assert threads() == outside
    with use_free_cores(None):
        assert threads() == outside
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with use_free_cores(before):
        assert threads() == outside


def test_a_busy_process_is_seen() -> None:
    def spin(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    before = read_clocks()
    process = multiprocessing.get_context("fork").Process(target=spin, args=(1.0,))
    process.start()
    process.join()
    now = read_clocks()
    assert before is not None and now is not None
    assert now.busy - before.busy > 0.5 > now.own - before.own
    assert workplace.free_cores(before, now, own_cores() + 8) < own_cores() + 8
