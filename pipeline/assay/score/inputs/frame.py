"""A night's input as a Spark DataFrame, for every kind of source.

Spark reads exactly the files that were listed when the night was found. Text files are only split
into cells. A reader that also parses types would turn bad cells into nulls. So
`assay.contract.text.text_parser` parses them, and a bad cell is a reason for quarantine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.schema import TYPES, check_schema
from assay.contract.text.cell_parser import is_text
from assay.errors import SourceError
from assay.project import layout
from assay.project.params import Params
from assay.project.params.inputs import Csv, Delta, Json, Parquet, Postgres, Sql
from assay.score.inputs import frame_postgres as spark_postgres
from assay.score.inputs import frame_text
from assay.score.inputs.types import FileGroup, InputTable, NightInput
from assay.score.spark_errors import failure_cause

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

UTC = "UTC"


@contextmanager
def open_frame(
    spark: SparkSession, params: Params, night: NightInput, contract: Contract
) -> Iterator[DataFrame]:
    """The night's rows, readable while the block runs; no Spark job has run at its start.

    Raises
    ------
    SourceError
        The source cannot be read.
    SchemaMismatch
        A query returns other columns than the contract requires.
    """
    spec = params.score.input
    spark.conf.set("spark.sql.session.timeZone", UTC)
    # A partition value is always text, even if it looks like another type.
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    if isinstance(spec, Postgres):
        with spark_postgres.open_query(spark, spec, night, contract) as (found, schema):
            _check(schema, night, contract)
            yield found
    else:
        yield _found(spark, spec, night, contract)


def _found(
    spark: SparkSession,
    spec: Csv | Delta | Json | Parquet | Sql,
    night: NightInput,
    contract: Contract,
) -> DataFrame:
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException
    from pyspark.sql.pandas.types import to_arrow_schema

    try:
        if not isinstance(spec, Sql):
            return _night(spark, night, contract)
        found = _queried(spark, night)
        _check(to_arrow_schema(found.schema, timezone=UTC), night, contract)
        return found
    except (PySparkException, Py4JError) as error:
        raise SourceError(
            "Spark cannot read it",
            where=night.where,
            found=_cause(f"{error}\n{getattr(error, '_stackTrace', '')}"),
            mend=f"All that Spark said is in {layout.WORK}/spark/spark.log.",
        ) from None


def _cause(text: str) -> str:
    if "No FileSystem for scheme" in text or "S3AFileSystem not found" in text:
        return (
            "no file system for s3 in Spark (Parquet and Delta need none: score.carrier files; "
            "else add hadoop-aws to spark.conf)"
        )
    return failure_cause(text)


def _check(schema: pa.Schema, night: NightInput, contract: Contract) -> None:
    kinds = {field.name: TYPES[field.kind] for field in contract.fields}
    fields = [
        field.with_type(kinds[field.name])
        if field.name in kinds and is_text(field.type) and _is_read_later(night, kinds[field.name])
        else field
        for field in schema
    ]
    check_schema(contract, pa.schema(fields), night.where)


def _is_read_later(night: NightInput, kind: pa.DataType) -> bool:
    """Whether text instead of ``kind`` is expected, because it is parsed later."""
    return night.text if night.tables else kind == TYPES["timestamp"]


def _night(spark: SparkSession, night: NightInput, contract: Contract) -> DataFrame:
    from pyspark.sql import functions as f

    table = night.tables[""]
    found = _stacked([_group(spark, table, group) for group in table.groups])
    if isinstance(table.spec, Delta):
        if night.searched:
            kind = found.schema[night.column].dataType
            found = found.where(f.col(night.column) == f.lit(night.value).cast(kind))
        # Files have no partition columns, nor do the batches that Arrow reads from them.
        found = found.drop(*(set(table.partitioned_by) - set(contract.columns)))
    return found


def _group(spark: SparkSession, table: InputTable, group: FileGroup) -> DataFrame:
    from pyspark.sql.pandas.types import from_arrow_schema

    group = _exactly(group)
    match table.spec:
        case Csv():
            return frame_text.cells(spark.read, table.spec, group)
        case Json():
            return frame_text.lines(spark.read, group.paths)
        case Delta():
            return _delta(spark, table, group)
        case Parquet():
            reader = spark.read
            if table.mixed is not None:
                reader = reader.schema(from_arrow_schema(table.mixed))
            return reader.parquet(*group.paths)


def _delta(spark: SparkSession, table: InputTable, group: FileGroup) -> DataFrame:
    from pyspark.sql.types import StructType

    reader = spark.read.schema(StructType.fromJson(json.loads(table.spark_schema)))
    if table.partitioned_by:
        reader = reader.option("basePath", _located(table.root))
    return reader.parquet(*group.paths)


def _queried(spark: SparkSession, night: NightInput) -> DataFrame:
    """The result of the night's query; its temporary views are dropped."""
    made = []
    try:
        for name, table in night.tables.items():
            parts = [_table(spark, table, group) for group in table.groups]
            _stacked(parts).createOrReplaceTempView(name)
            made.append(name)
        return spark.sql(night.query, args={"night": night.value})
    finally:
        for name in made:
            spark.catalog.dropTempView(name)


def _table(spark: SparkSession, table: InputTable, group: FileGroup) -> DataFrame:
    """Part of a table that a query reads, including the partition columns from folder names."""
    reader = spark.read
    if group.paths != (table.root,):
        reader = reader.option("basePath", _located(table.root))
    group = _exactly(group)
    match table.spec:
        case Csv():
            return frame_text.reject_bad_lines(frame_text.cells(reader, table.spec, group), group)
        case Json():
            return reader.option("mode", "FAILFAST").json(list(group.paths))
        case Delta():
            return _delta(spark, table, group)
        case Parquet():
            return reader.option("mergeSchema", True).parquet(*group.paths)


def _stacked(parts: Sequence[DataFrame]) -> DataFrame:
    return reduce(lambda one, two: one.unionByName(two, allowMissingColumns=True), parts)


def _located(path: str) -> str:
    """An address in Hadoop's syntax, which needs a scheme and no percent escapes."""
    if path.startswith("s3://"):
        return f"s3a://{path.removeprefix('s3://')}"
    return path if "://" in path else f"file://{path}"


def _exactly(group: FileGroup) -> FileGroup:
    """The same paths with glob characters escaped, because Spark treats paths as patterns."""
    paths = tuple(re.sub(r"([][{}*?\\])", r"\\\1", _located(path)) for path in group.paths)
    return replace(group, paths=paths)
