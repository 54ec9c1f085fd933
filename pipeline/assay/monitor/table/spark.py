"""The Spark job that counts a table, with the carrier that can read it."""

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
"""Arrow's default allocator keeps tens of megabytes of freed memory."""


def modest(params: Params) -> Params:
    """A copy with Spark settings for little memory: Java only distributes files here.

    A garbage collector set in params.yaml stays: a JVM with two of them does not start.
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
    """Count a table; return what each task counted, and the number of rows that its source states.

    Raises
    ------
    NightEmpty
        The night has no rows.
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
    """Select the counted columns, so that no others leave the JVM."""
    quoted = ["`{}`".format(name.replace("`", "``")) for name in grid]
    return frame.select(*quoted) if quoted else frame
