"""The Spark carrier: Spark reads a night and hands batches to the scoring function.

Each task writes its own Parquet files under the run's id and returns only names and
counts, so the driver holds no rows. A file becomes visible when the run commits it; what
a retried task left behind never is.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline import bundle, layout
from pipeline.bundle import Files
from pipeline.contract.model import Contract
from pipeline.errors import AssayError, SparkFailed
from pipeline.score.batch import score_batch
from pipeline.score.night import Night
from pipeline.score.output import Stamp, stamped
from pipeline.score.spark_message import gist
from pipeline.score.tally import Tally, total
from pipeline.store import StagedFile, Store, write_part
from pipeline.store.tables import PREDICTIONS, QUARANTINE, Staged

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Job:
    """All that a task needs, small enough to travel with it."""

    files: Files
    digest: str
    allow_types: tuple[str, ...]
    contract: Contract
    stamp: Stamp
    partition: str
    store: Store
    predictions: pa.Schema
    quarantine: pa.Schema


def read(spark: SparkSession, night: Night) -> DataFrame:
    """The night as a DataFrame, the partition column as text like everywhere else."""
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    return spark.read.option("basePath", str(night.root)).parquet(str(night.folder))


def run(spark: SparkSession, night: Night, job: Job) -> Tally:
    """Score a night; the tally of all its tasks.

    Raises
    ------
    AssayError
        What a task met, as it was raised there.
    SparkFailed
        Spark itself failed.
    """
    frame = read(spark, night)
    try:
        rows = frame.mapInArrow(_task(job), "outcome binary").collect()
    except Exception as error:
        raise SparkFailed(
            f"Spark failed: {gist(str(error))}",
            where=f"night {job.partition}",
            mend=f"Nothing was published. All that Spark said is in {layout.WORK}/spark/spark.log.",
        ) from None
    outcomes = [pickle.loads(row.outcome) for row in rows]
    for outcome in outcomes:
        if isinstance(outcome, AssayError):
            raise outcome
    return total(outcomes)


def duplicate_keys(spark: SparkSession, night: Night, keys: tuple[str, ...]) -> int:
    """Rows beyond the first of each key."""
    from pyspark.sql import functions as f

    counted = read(spark, night).groupBy(*keys).count()
    found = counted.agg(f.sum(f.col("count") - 1).alias("extra")).first()
    return int(found["extra"]) if found is not None and found["extra"] is not None else 0


def _task(job: Job) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        outcome: Tally | AssayError
        try:
            outcome = _score_task(job, batches)
        except AssayError as error:
            # A mistake in the data or the bundle stays one however often it is retried.
            outcome = error
        yield pa.RecordBatch.from_pydict({"outcome": [pickle.dumps(outcome)]})

    return task


def _score_task(job: Job, batches: Iterator[pa.RecordBatch]) -> Tally:
    from pyspark import TaskContext

    context = TaskContext.get()
    task = f"{context.partitionId():05d}.{context.taskAttemptId():05d}" if context else "00000"
    loaded = bundle.from_files(
        job.files, "bundle", expected=job.digest, allow_types=job.allow_types
    )
    grid = loaded.reference.grid
    tally = Tally()
    for number, batch in enumerate(batches):
        scored = score_batch(loaded, job.contract, grid, batch)
        part = f"{task}.{number:05d}"
        tally += Tally.of(
            scored,
            write(job, PREDICTIONS, scored.predictions, part),
            write(job, QUARANTINE, scored.quarantine, part),
        )
    return tally


def write(job: Job, table: Staged, rows: pa.Table, part: str) -> tuple[StagedFile, ...]:
    """Stamp rows and write them as one file of the run; no rows, no file."""
    if rows.num_rows == 0:
        return ()
    schema = job.predictions if table == PREDICTIONS else job.quarantine
    relative = job.store.new_file(table, job.partition, job.stamp.run_id, part)
    return (write_part(job.store.table_uri(table), relative, stamped(rows, schema, job.stamp)),)
