"""The fast carrier without Spark: the same tasks, done by threads of this process.

Reading Parquet and counting leave Python's lock to others, so threads share the cores; work that
holds it is for processes, which Spark starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from assay.score.inputs.split import split

if TYPE_CHECKING:
    from assay.score.inputs.types import InputFile
    from assay.score.spark.tasks import Outcome, Work

_LOCAL = re.compile(r"local(?:\[(\d+|\*)[^\]]*\])?")


def cores(master: str) -> int | None:
    """How many threads ``spark.master`` asks for; None if it names a cluster."""
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
    """Work through files; what each task gave back.

    Raises
    ------
    AssayError
        What a task met.
    """
    tasks = split(files, threads)
    with _frugal(), ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(work.of_files, task, f"{at:05d}") for at, task in enumerate(tasks)]
        found = []
        try:
            for each in running:
                found.append(each.result())
                progress(len(found), len(tasks))
        finally:
            # After an error the others need not be begun.
            pool.shutdown(cancel_futures=True)
    return iter(found)


@contextmanager
def _frugal() -> Iterator[None]:
    """Arrow's own allocator keeps tens of megabytes of what it freed, for each thread."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
