"""The ``files`` carrier: Spark distributes row groups, and executors read and score them.

No row passes through the JVM. A task gets the names of row groups, reads them with Arrow, and
returns its counts and the names of the files that it wrote.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError
from assay.score.inputs.split import RowGroups, split_tasks
from assay.score.spark.tasks import collect_outcomes, task_name
from assay.score.work import Outcome, Progress, Work

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import InputFile


def run(
    spark: SparkSession,
    files: Sequence[InputFile],
    work: Work[Outcome],
    progress: Progress,
) -> Iterator[Outcome]:
    """Run a job on the files of a night; returns each task's outcome.

    Raises
    ------
    AssayError
        The first error that a task raised.
    SparkFailed
        Spark itself failed.
    """
    context = spark.sparkContext
    tasks = split_tasks(files, context.defaultParallelism)
    # Sent once to each machine, not with every task: a model may be large.
    shared = context.broadcast(pickle.dumps(work))

    def task(parts: tuple[RowGroups, ...]) -> bytes:
        return pickle.dumps(_outcome(shared, parts))

    try:
        handed_out = context.parallelize(tasks, max(len(tasks), 1)).map(task)
        return collect_outcomes(spark, handed_out.collect, work.where, progress)
    finally:
        shared.unpersist()


def _outcome(shared: Any, parts: tuple[RowGroups, ...]) -> Any:
    try:
        work: Work[Any] = pickle.loads(shared.value)
        return work.process_files(parts, task_name())
    except AssayError as error:
        # Retrying cannot fix an error in the data or the bundle, so it is returned, not raised.
        return error
