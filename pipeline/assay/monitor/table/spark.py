"""One Spark job that counts a table, on whichever carrier can read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from assay.monitor.table.where import NO_CONTRACT
from assay.project.params import Params
from assay.score.inputs import find as inputs
from assay.score.inputs import frame as spark_inputs
from assay.score.spark import files as spark_files
from assay.score.spark import frame as spark_frame
from assay.score.spark.session import JAVA_OPTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from assay.columns.grid import Grid
    from assay.monitor.table.count_rows import Counting, TableCounts
    from assay.monitor.table.where import RawTable

SMALL_HEAP = "-Xms32m -XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=20"
SMALL_JAVA = f"{SMALL_HEAP} -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
ALLOCATOR = {"spark.executorEnv.ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Arrow's own keeps tens of megabytes of what it freed."""


def modest(params: Params) -> Params:
    """The same, with processes that are content with little memory: Java only hands out files.

    A collector that params.yaml chooses stays: a JVM that is told of two does not start.
    """
    given = params.spark.conf.get(JAVA_OPTIONS, "")
    own = SMALL_HEAP if "GC" in given else SMALL_JAVA
    conf = {**ALLOCATOR, **params.spark.conf, JAVA_OPTIONS: f"{own} {given}".strip()}
    return params.model_copy(update={"spark": params.spark.model_copy(update={"conf": conf})})


def run(
    spark: SparkSession,
    params: Params,
    table: RawTable,
    work: Counting,
    progress: Callable[[int, int], None],
) -> tuple[Iterator[TableCounts], int]:
    """Count a table; what each task counted, and how many rows its source says it holds.

    Raises
    ------
    AssayError
        What a task met, as it was raised there.
    SparkFailed
        Spark itself failed.
    NightEmpty
        There was no row.
    """
    if table.files is not None:
        rows = sum(file.rows for file in table.files)
        return spark_files.run(spark, table.files, work, progress), rows
    assert table.night is not None, "only nights are read by Spark"
    asked = table.contract or NO_CONTRACT
    text = table.night.text
    with spark_inputs.frame(spark, params, table.night, asked) as frame:
        chosen = frame if text else _only(frame, work.grid)
        parts, rows = spark_frame.run(spark, chosen, work, text, progress)
    if rows == 0:
        raise inputs.empty(table.night)
    return parts, rows


def _only(frame: DataFrame, grid: Grid) -> DataFrame:
    """The columns that are counted: no other has to leave the JVM."""
    quoted = ["`{}`".format(name.replace("`", "``")) for name in grid]
    return frame.select(*quoted) if quoted else frame
