"""Count a table without scoring it, with threads of this process or with Spark."""

from __future__ import annotations

import os
from contextlib import ExitStack, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from assay.columns.grid import Grid
from assay.errors import RowCountMismatch
from assay.monitor.table_drift.count_rows import Counting, TableCounts, total
from assay.monitor.table_drift.locate import NO_CONTRACT, RawTable
from assay.monitor.table_drift.spark_memory import low_memory_params
from assay.project.params import Params
from assay.project.processes import system_allocator
from assay.project.text import counted
from assay.score import local
from assay.score.carriers import open_night
from assay.score.local import Progress
from assay.score.spark.session import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BATCH_ROWS = 25_000
"""Most rows that a thread reads at once: more is hardly faster, and takes more memory."""


def count(
    root: Path,
    params: Params,
    table: RawTable,
    grid: Grid,
    spark: bool,
    progress: Progress,
) -> TableCounts:
    """Count every row of a table, each column of ``grid`` in its cells.

    Threads are used where ``spark.master`` is this machine: Spark would only start processes to do
    the same.

    Parameters
    ----------
    grid
        Of the columns that the table has (`assay.monitor.table_drift.count_rows.match_schemas`).
    spark
        Whether to use Spark in any case.

    Raises
    ------
    RowCountMismatch
        The number of counted rows differs from the source's.
    """
    many = None if local.SUBMITTED in os.environ else local.local_cores(params.spark.master)
    here = many is not None and not spark
    counted_by = Counting(
        table.where,
        grid,
        min(params.score.batch_rows, BATCH_ROWS) if here else params.score.batch_rows,
        table.contract,
    )
    with ExitStack() as at_the_end:

        def started() -> SparkSession:
            source = table.night.source
            is_query = source is not None and source.by_spark
            running = session(params if is_query else low_memory_params(params), root)
            at_the_end.callback(running.stop)
            return running

        opened = at_the_end.enter_context(
            open_night(
                cache(started),
                root,
                params,
                table.night,
                table.contract or NO_CONTRACT,
                "local" if here else "files",
            )
        )
        # Freed memory is returned to the system at once, which is slower: the table may be long.
        with system_allocator() if here else nullcontext():
            parts, counts = opened.run(counted_by, progress)
            found = total(parts, grid)
    for expected in counts:
        if found.rows == expected:
            continue
        raise RowCountMismatch(
            "rows were lost on the way",
            where=table.where,
            expected=counted(expected, "row"),
            found=f"{found.rows}",
            fix="Try again; if it happens twice, the table changed meanwhile.",
        )
    return found
