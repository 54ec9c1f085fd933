"""Where a candidate is trained: a folder that looks like the project and holds no other rows.

A project's own class could read the holdout in ``fit`` and know the answers. So the working folder
of a training, and the folder that its modules seem to lie in, is one of links to the project's
files, without data, models, reports and caches. Nothing of the project is moved, so a training that
is killed leaves only links.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from assay.project import layout
from assay.project.processes import own_cores

HIDDEN = (
    *(layout.RAW, layout.CHECKED, layout.PREPARED),
    *("models", "reports", ".dvc", ".git", layout.WORK),
)
"""What is not there, relative to the project's root; also the store."""


@contextmanager
def apart_from_rows(root: Path, store: str) -> Iterator[Path]:
    """Work in a folder of links to the project at ``root`` while the block runs; that folder.

    Parameters
    ----------
    store
        The store's folder or address, as params.yaml names it.
    """
    root = root.resolve()
    (root / layout.WORK).mkdir(exist_ok=True)
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="train-", dir=root / layout.WORK) as scratch:
        there = Path(scratch)
        _link(root, there, {root / each for each in (*HIDDEN, store)})
        os.chdir(there)
        try:
            yield there
        finally:
            os.chdir(before)


def _link(folder: Path, there: Path, hidden: set[Path]) -> None:
    for path in folder.iterdir():
        if path in hidden:
            continue
        if path.is_dir() and any(each.is_relative_to(path) for each in hidden):
            (there / path.name).mkdir()
            _link(path, there / path.name, hidden)
        else:
            (there / path.name).symlink_to(path)


# ---------------------------------------------- training in as many threads as there are free cores
# scikit-learn's trees are trained by threads of OpenMP, which spin while they wait for each other.
# Where another program has one of two cores, training takes ten times as long as with one thread.

SET_BY_USER = "OMP_NUM_THREADS"
LEAST_SECONDS = 0.2
"""Over less time, counts of a hundredth of a second say little."""


class Clocks(NamedTuple):
    """How many seconds this process's cores were busy for anybody, and for it; and the time."""

    busy: float
    own: float
    at: float


def read_clocks() -> Clocks | None:
    """The clocks now; None where the kernel does not tell, as outside Linux."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        mine = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        busy = [_busy(line.split()[1:]) for line in lines if line.split()[0] in mine]
        ticks = os.sysconf("SC_CLK_TCK")
        return Clocks(sum(busy) / ticks, time.process_time(), time.monotonic())
    return None


def _busy(counts: list[str]) -> int:
    """Ticks of the kernel's clock in which a core was busy: all but the fourth and fifth count."""
    user, nice, system, _, _, *others = map(int, counts[:8])
    return user + nice + system + sum(others)


def free_cores(before: Clocks, now: Clocks, cores: int) -> int:
    """How many of the cores other programs left free meanwhile; at least 1.

    >>> free_cores(Clocks(10, 1, 100), Clocks(13.9, 2.9, 102), 2)
    1
    >>> free_cores(Clocks(10, 1, 100), Clocks(12, 2.9, 102), 2)
    2
    """
    others = ((now.busy - before.busy) - (now.own - before.own)) / (now.at - before.at)
    return max(1, cores - max(0, round(others)))


@contextmanager
def use_free_cores(before: Clocks | None) -> Iterator[Callable[[], None]]:
    """Limit OpenMP's threads to the free cores while the block runs.

    Parameters
    ----------
    before
        Read some time before, with nothing but this process's own work since.

    Yields
    ------
    Callable
        Looks again, as between two fits: other programs come and go.
    """
    if before is None or SET_BY_USER in os.environ:
        yield lambda: None
        return
    from threadpoolctl import threadpool_limits

    cores, last = own_cores(), before

    def look() -> None:
        nonlocal last
        now = read_clocks()
        if now is not None and now.at - last.at >= LEAST_SECONDS:
            threadpool_limits(free_cores(last, now, cores), user_api="openmp")
            last = now

    with threadpool_limits(cores, user_api="openmp"):
        look()
        yield look
