"""The ``files`` carrier: Spark distributes shares of files, and executors read and score them.

No row passes through the JVM. A task gets the names of row groups, or of files of text and where
their lines begin. It reads them with Arrow, and returns its counts and the names of the files that
it wrote.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError
from assay.score.input_tasks import Task, files_tasks, text_outcomes, text_tasks
from assay.score.spark.sent_work import received, send
from assay.score.spark.tasks import collect_outcomes, freeze_imports, task_name
from assay.score.work import Outcome, Progress, Work

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import InputFile, InputTable


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
    return _run(spark, files_tasks(files, spark.sparkContext.defaultParallelism), work, progress)


def run_text(
    spark: SparkSession, table: InputTable, work: Work[Outcome], progress: Progress
) -> tuple[Iterator[Outcome], int]:
    """Run a job on files of text; returns each task's outcome, and how many rows were read.

    Parameters
    ----------
    table
        From `assay.score.inputs.text_rows.text_table`.

    Raises
    ------
    AssayError, SparkFailed
        As for `run`.
    """
    return text_outcomes(list(_run(spark, text_tasks(table), work, progress)))


def _run(
    spark: SparkSession, tasks: Sequence[Task], work: Work[Any], progress: Progress
) -> Iterator[Any]:
    context = spark.sparkContext
    shared = send(context, work)

    def process(task: Task) -> bytes:
        return pickle.dumps(_outcome(shared, task))

    try:
        handed_out = context.parallelize(tasks, max(len(tasks), 1)).map(process)
        return collect_outcomes(spark, handed_out.collect, work.where, progress)
    finally:
        shared.unpersist()


def _outcome(shared: Any, task: Task) -> Any:
    try:
        work: Work[Any] = received(shared.value)
        return task.process(work, task_name())
    except AssayError as error:
        # Retrying cannot fix an error in the data or the bundle, so it is returned, not raised.
        return error
    finally:
        freeze_imports()
