"""The fast carrier: Spark hands out row groups, and executors read, score and write them.

No row passes through the JVM. A task gets the names of row groups, reads them with Arrow,
scores and writes with Arrow, and gives back file names and counts.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.errors import AssayError
from pipeline.score.spark_tasks import collected, task_name
from pipeline.score.splits import Part, pieces, split
from pipeline.score.tally import Tally, total
from pipeline.score.work import Job, score_part

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipeline.score.inputs_types import InputFile


def run(
    spark: SparkSession,
    files: Sequence[InputFile],
    job: Job,
    progress: Callable[[int, int], None],
) -> Tally:
    """Score the files of a night; the tally of all its tasks.

    Raises
    ------
    AssayError
        What a task met, as it was raised there.
    SparkFailed
        Spark itself failed.
    """
    context = spark.sparkContext
    tasks = split(files, context.defaultParallelism)
    # Once to each machine, not once with every task: a model may be large.
    shared = context.broadcast(pickle.dumps(job))

    def work(parts: tuple[Part, ...]) -> bytes:
        return pickle.dumps(_outcome(shared, parts))

    try:
        handed_out = context.parallelize(tasks, max(len(tasks), 1)).map(work)
        return total(collected(spark, handed_out.collect, job.partition, progress))
    finally:
        shared.unpersist()


def _outcome(shared: Any, parts: tuple[Part, ...]) -> Tally | AssayError:
    job: Job = pickle.loads(shared.value)
    try:
        return score_part(job, pieces(parts, job.contract, job.batch_rows), task_name())
    except AssayError as error:
        # A mistake in the data or the bundle stays one however often it is retried.
        return error
