"""Results of a PostgreSQL query in Spark: each range is a task with its own connection.

No row passes through the driver. Spark's plan shows only column names: the query and the password
travel with the tasks' code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from assay.contract.definition import Contract
from assay.project.params.inputs import Postgres, bind_night
from assay.score.inputs import postgres as postgres_source
from assay.score.inputs.postgres_query import QueryColumn, Split, columns, quote_literal
from assay.score.inputs.types import NightInput

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor
    from pyspark.sql import DataFrame, SparkSession


@contextmanager
def open_query(
    spark: SparkSession, spec: Postgres, night: NightInput, contract: Contract
) -> Iterator[tuple[DataFrame, pa.Schema]]:
    """The result of the night's query, in as many ranges of ``split_on`` as configured.

    All connections read the same snapshot of the database while the block runs.

    Returns
    -------
    The rows, with the contract's times and times without a zone as text; and the types to compare
    with the contract.

    Raises
    ------
    SourceError
        The database cannot be read, ``split_on`` names no column of numbers, dates or times, or a
        variable for the user is not set.
    """
    source = postgres_source.resolve_source(spec, night.where)
    query = bind_night(spec.query.strip().rstrip(";"), quote_literal(night.value))
    table = f"({query}\n) AS night"  # the query may end in a comment
    times = [field.name for field in contract.fields if field.kind == "timestamp"]
    with postgres_source.transaction(source) as cursor:
        answer = columns(cursor.adbc_execute_schema(f"SELECT * FROM {table}"), times)
        cells = ", ".join(column.cell for column in answer)
        statements = [
            f"SELECT {cells} FROM {table} WHERE {condition}"
            for condition in _ranges(cursor, spec, answer, table)
        ]
        snapshot = postgres_source.export_snapshot(cursor)
        meant = pa.schema([(column.name, column.meant) for column in answer])
        yield _frame(spark, source, snapshot, statements, answer), meant


def _ranges(cursor: Cursor, spec: Postgres, answer: Sequence[QueryColumn], table: str) -> list[str]:
    if spec.split_on is None:
        return ["TRUE"]
    split = Split(spec.split_on, answer)
    found = cursor.execute(split.ends(table)).fetchone()
    assert found is not None, "an aggregate gives a row"
    low, high = found
    return split.ranges(low, high, spec.splits)


def _frame(
    spark: SparkSession,
    source: postgres_source.PostgresSource,
    snapshot: str,
    statements: Sequence[str],
    answer: Sequence[QueryColumn],
) -> DataFrame:
    from pyspark.sql.pandas.types import from_arrow_schema

    sent = pa.schema([(column.name, column.sent) for column in answer])

    def task(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in numbers:
            for number in batch.column(0).to_pylist():
                yield from postgres_source.batches(source, snapshot, statements[number])

    places = spark.range(0, len(statements), 1, len(statements))
    return places.mapInArrow(task, from_arrow_schema(sent))
