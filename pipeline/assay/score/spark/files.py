"""The ``files`` carrier: Spark distributes shares of files, and executors read and score them.

No row passes through the JVM. A task gets the names of row groups. It reads them with Arrow, and
returns its counts and the names of the files that it wrote.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError
from assay.score.inputs.split import RowGroups, split_tasks
from assay.score.spark.sent_work import received, send
from assay.score.spark.tasks import collect_outcomes, freeze_imports, task_name
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
