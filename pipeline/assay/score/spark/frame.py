"""The ``dataframe`` carrier: any table that Spark can read, passed to Python in batches.

Rows pass from the JVM to Python as Arrow batches. The JVM counts them on the way; this is one of
the counts that have to agree (`assay.score.tally.check_row_counts`).
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assay.errors import AssayError
from assay.score.spark.sent_work import received, send
from assay.score.spark.tasks import collect_outcomes, freeze_imports, task_name
from assay.score.work import Outcome, Progress, Work

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def run(
    spark: SparkSession,
    frame: DataFrame,
    work: Work[Outcome],
    text: bool,
    progress: Progress,
) -> tuple[Iterator[Outcome], int]:
    """Run a job on a DataFrame; returns each task's outcome, and how many rows the JVM read.

    Parameters
    ----------
    text
        Whether all cells arrive as text, to be parsed as the contract types them.

    Raises
    ------
    AssayError
        The first error that a task raised.
    SparkFailed
        Spark itself failed.
    """
    from pyspark.sql import Observation
    from pyspark.sql import functions as f

    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", work.batch_rows)
    read = Observation()
    counted = frame.observe(read, f.count(f.lit(1)).alias("rows"))
    shared = send(spark.sparkContext, work)

    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        outcome: Any
        try:
            own: Work[Any] = received(shared.value)
            outcome = own.process_batches(batches, text, task_name())
        except AssayError as error:
            # Retrying cannot fix an error in the data or the bundle, so it is returned, not raised.
            outcome = error
        finally:
            freeze_imports()
        yield pa.RecordBatch.from_pydict({"outcome": [pickle.dumps(outcome)]})

    def collect() -> list[bytes]:
        return [row.outcome for row in counted.mapInArrow(task, "outcome binary").collect()]

    try:
        found = collect_outcomes(spark, collect, work.where, progress)
    finally:
        shared.unpersist()
    return found, int(read.get["rows"])
