"""The DataFrame carrier: any table that Spark can read, handed over batch by batch.

Rows pass from the JVM to Python as Arrow batches. What the JVM counted on the way is one of
the three counts that the books compare.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.contract.text import original, typed
from pipeline.errors import AssayError
from pipeline.score.spark_tasks import collected, task_name
from pipeline.score.tally import Tally, total
from pipeline.score.work import Job, Piece, score_part

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def run(
    spark: SparkSession,
    frame: DataFrame,
    job: Job,
    text: bool,
    progress: Callable[[int, int], None],
) -> tuple[Tally, int]:
    """Score a DataFrame; the tally of all its tasks, and how many rows the JVM read.

    Parameters
    ----------
    text
        Whether all cells arrive as text, to be read as the contract types them.

    Raises
    ------
    AssayError
        What a task met, as it was raised there.
    SparkFailed
        Spark itself failed.
    """
    from pyspark.sql import Observation
    from pyspark.sql import functions as f

    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", job.batch_rows)
    read = Observation()
    counted = frame.observe(read, f.count(f.lit(1)).alias("rows"))
    shared = spark.sparkContext.broadcast(pickle.dumps(job))

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        outcome: Tally | AssayError
        try:
            own: Job = pickle.loads(shared.value)
            outcome = score_part(own, _pieces(own, batches, text), task_name())
        except AssayError as error:
            # A mistake in the data or the bundle stays one however often it is retried.
            outcome = error
        yield pa.RecordBatch.from_pydict({"outcome": [pickle.dumps(outcome)]})

    def collect() -> list[bytes]:
        return [row.outcome for row in counted.mapInArrow(work, "outcome binary").collect()]

    try:
        tally = total(collected(spark, collect, job.partition, progress))
    finally:
        shared.unpersist()
    return tally, int(read.get["rows"])


def _pieces(job: Job, batches: Iterable[pa.RecordBatch], text: bool) -> Iterator[Piece]:
    for batch in batches:
        if not text:
            yield Piece(batch)
            continue
        rows, unread = typed(job.contract, batch)
        yield Piece(rows, partial(original, batch), unread)
