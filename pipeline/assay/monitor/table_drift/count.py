"""Count a table without scoring it, with threads of this process or with Spark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from assay.columns.grid import Grid
from assay.errors import RowCountMismatch
from assay.monitor.table_drift.count_rows import Counting, TableCounts, total
from assay.monitor.table_drift.locate import NO_CONTRACT, RawTable
from assay.monitor.table_drift.spark_memory import low_memory_params
from assay.project.params import Carrier, Params
from assay.project.text.number_format import counted
from assay.score import local
from assay.score.carriers import open_night
from assay.score.spark.session import session
from assay.score.work import Progress

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

    Threads are used where ``spark.master`` is this machine and Arrow can read the table: Spark
    would only start processes to do the same.

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
    parts: Iterator[TableCounts]
    with ExitStack() as at_the_end:
        if table.files is not None and many is not None and not spark:
            rows = min(params.score.batch_rows, BATCH_ROWS)
            work = Counting(table.where, grid, rows, table.contract)
            counts = frozenset({sum(file.rows for file in table.files)})
            parts = local.run_files(table.files, work, many, progress, frugal=True)
        else:
            work = Counting(table.where, grid, params.score.batch_rows, table.contract)
            carrier: Carrier = "dataframe" if table.files is None else "files"
            started = session(low_memory_params(params) if carrier == "files" else params, root)
            at_the_end.callback(started.stop)
            opened = at_the_end.enter_context(
                open_night(
                    lambda: started,
                    params,
                    table.night,
                    table.contract or NO_CONTRACT,
                    carrier,
                    grid,
                )
            )
            parts, counts = opened.run(work, progress)
        found = total(parts, grid)
    for expected in counts:
        if found.rows == expected:
            continue
        raise RowCountMismatch(
            "rows were lost on the way",
            where=table.where,
            expected=counted(expected, "row"),
            found=f"{found.rows}",
            mend="Try again; if it happens twice, the table changed meanwhile.",
        )
    return found
