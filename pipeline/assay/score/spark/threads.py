"""The ``files`` carrier without Spark: the same tasks, in threads of this process.

Reading Parquet and counting release Python's global interpreter lock, so threads use all cores.
Work that holds the lock needs processes, which Spark starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from assay.score.inputs.split import split_tasks

if TYPE_CHECKING:
    from assay.score.inputs.types import InputFile
    from assay.score.spark.tasks import Outcome, Work

_LOCAL = re.compile(r"local(?:\[(\d+|\*)[^\]]*\])?")


def cores(master: str) -> int | None:
    """The number of threads for a local ``spark.master``; None if it names a cluster."""
    found = _LOCAL.fullmatch(master)
    if found is None:
        return None
    return (os.cpu_count() or 1) if found[1] == "*" else int(found[1] or 1)


def run(
    files: Sequence[InputFile],
    work: Work[Outcome],
    threads: int,
    progress: Callable[[int, int], None],
) -> Iterator[Outcome]:
    """Run a job on files; returns each task's outcome.

    Raises
    ------
    AssayError
        The first error that a task raised.
    """
    tasks = split_tasks(files, threads)
    with _frugal(), ThreadPoolExecutor(threads) as pool:
        running = [
            pool.submit(work.process_files, task, f"{at:05d}") for at, task in enumerate(tasks)
        ]
        found = []
        try:
            for each in running:
                found.append(each.result())
                progress(len(found), len(tasks))
        finally:
            # After an error the remaining tasks are not started.
            pool.shutdown(cancel_futures=True)
    return iter(found)


@contextmanager
def _frugal() -> Iterator[None]:
    """Use the system allocator: Arrow's own keeps tens of megabytes of freed memory per thread."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
