"""The ``files`` carrier: Spark distributes shares of files, and executors read and score them.

No row passes through the JVM. A task gets the names of row groups. It reads them with Arrow, and
returns its counts and the names of the files that it wrote. What fails is reduced to one line.
"""

from __future__ import annotations

import gc
import pickle
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError, SparkFailed
from assay.project import layout
from assay.score.inputs.catalog import failure_cause
from assay.score.inputs.split import RowGroups, split_tasks
from assay.score.local import Outcome, Progress, Work
from assay.score.spark.sent_work import received, send

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import InputFile


_MEMORY = re.compile(r"MemoryError|OutOfMemory")

EVERY = 0.5
"""Seconds between two progress reports."""


def task_name() -> str:
    """A name that is unique to the running task and attempt."""
    from pyspark import TaskContext

    context = TaskContext.get()
    if context is None:
        return "00000"
    return f"{context.partitionId():05d}.{context.taskAttemptId():05d}"


@cache
def freeze_imports() -> None:
    """Take all objects that there are out of the garbage collector's sight; to be called in a task.

    After each task PySpark's daemon looks for garbage in its worker, among a million objects of
    pandas, pandera and others: a tenth of a second, in which nothing is scored.
    """
    gc.freeze()


def collect_outcomes(
    spark: SparkSession,
    collect: Callable[[], Iterable[bytes]],
    where: str,
    progress: Progress,
) -> Iterator[Any]:
    """The outcomes of a job's tasks; the job has run when they are returned.

    They stay pickled until they are asked for: each may hold a profile of all columns, and a large
    night has many.

    Parameters
    ----------
    collect
        Runs the job; each task returns its outcome or error, pickled.

    Raises
    ------
    AssayError
        The first error that a task returned.
    SparkFailed
        Spark itself failed.
    """
    try:
        with _watched(spark, progress):
            pickled = list(collect())
    except KeyboardInterrupt:
        spark.sparkContext.cancelAllJobs()
        raise
    except Exception as error:
        cause = failure_cause(str(error))
        lower = "Lower score.batch_rows. " if _MEMORY.search(cause) else ""
        raise SparkFailed(
            f"Spark failed: {cause}",
            where=where,
            fix=f"{lower}Nothing was published. All that Spark said is in "
            f"{layout.WORK}/spark/spark.log.",
        ) from None
    for outcome in map(pickle.loads, pickled):
        if isinstance(outcome, AssayError):
            raise outcome
    return _unpickled(pickled)


def _unpickled(pickled: list[bytes]) -> Iterator[Any]:
    """Each of them in turn, of which nothing is kept."""
    pickled.reverse()
    while pickled:
        yield pickle.loads(pickled.pop())


class _watched:
    """Reports the progress of the running stages while the block runs."""

    def __init__(self, spark: SparkSession, progress: Progress) -> None:
        self._tracker = spark.sparkContext.statusTracker()
        self._progress = progress
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            stages = [self._tracker.getStageInfo(n) for n in self._tracker.getActiveStageIds()]
            known = [stage for stage in stages if stage is not None]
            if known:
                self._progress(
                    sum(stage.numCompletedTasks for stage in known),
                    sum(stage.numTasks for stage in known),
                )


def run_files(
    spark: SparkSession,
    files: Sequence[InputFile],
    work: Work[Outcome],
    progress: Progress,
) -> Iterator[Outcome]:
    """Run a job on the Parquet files of a night; returns each task's outcome.

    Raises
    ------
    AssayError
        The first error that a task raised.
    SparkFailed
        Spark itself failed.
    """
    context = spark.sparkContext
    tasks = split_tasks(files, context.defaultParallelism)
    shared = send(context, work)

    def process(task: Sequence[RowGroups]) -> bytes:
        return pickle.dumps(_outcome(shared, task))

    try:
        handed_out = context.parallelize(tasks, max(len(tasks), 1)).map(process)
        return collect_outcomes(spark, handed_out.collect, work.where, progress)
    finally:
        shared.unpersist()


def _outcome(shared: Any, task: Sequence[RowGroups]) -> Any:
    try:
        work: Work[Any] = received(shared.value)
        return work.process_files(task, task_name())
    except AssayError as error:
        # Retrying cannot fix an error in the data or the bundle, so it is returned, not raised.
        return error
    finally:
        freeze_imports()
