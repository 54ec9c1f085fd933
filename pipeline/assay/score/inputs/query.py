"""A night that is a query in Spark SQL: Spark runs it, and lands its result as Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.definition import Contract
from assay.contract.schema import TYPES, check_schema
from assay.contract.text_parser import LINE, ONE_CELL_A_COLUMN, ONE_HEADER, is_text
from assay.errors import SourceError
from assay.project import digests, layout
from assay.project.params.inputs import Csv, Delta, Json, Parquet, Sql, has_night_parameter
from assay.project.text import quote_value
from assay.score.inputs.files import ListedFile, fingerprint, list_tree, resolve_uri
from assay.score.inputs.format import Format
from assay.score.inputs.landing import write_batches
from assay.score.inputs.text import TextPart, TextRows, cell_names
from assay.score.inputs.text_format import text_rows
from assay.score.inputs.types import NightInput, Session
from assay.store.delta.external_table import TableSnapshot, read_snapshot
from assay.store.delta.location import filesystem

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

UTC = "UTC"
NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
TABLES = "_tables"
"""The folder in which tables of text are landed for a query; its name hides it from the result."""


@dataclass(frozen=True)
class FilesTable:
    """Files of Parquet or JSON lines that a query reads as one table."""

    spec: Parquet | Json
    root: str
    listed: tuple[ListedFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.listed)

    def read(self, spark: SparkSession, folder: str) -> DataFrame:
        """The rows; folders ``column=value`` are columns of text."""
        reader, paths = spark.read, [_exactly(file.path) for file in self.listed]
        if [file.path for file in self.listed] != [self.root]:
            reader = reader.option("basePath", _located(self.root))
        if isinstance(self.spec, Json):
            return reader.option("mode", "FAILFAST").json(paths)
        return reader.option("mergeSchema", True).parquet(*paths)


@dataclass(frozen=True)
class TextTable:
    """Files of CSV that a query reads as one table, whose cells are text."""

    rows: TextRows

    @property
    def size(self) -> int:
        return self.rows.size

    def read(self, spark: SparkSession, folder: str) -> DataFrame:
        """The rows, from where they are landed; folders ``column=value`` are columns of text."""
        for number, part in enumerate(self.rows.parts()):
            # A column in the files takes precedence over a folder's name.
            parents = [
                name
                for name in PurePosixPath(part.file.relative).parts[:-1]
                if "=" in name and name.partition("=")[0] not in part.file.columns
            ]
            target = "/".join([folder, *parents])
            system, path = filesystem(target)
            system.create_dir(path)
            write_batches(_whole_lines(part), f"{target}/{number:06d}.parquet")
        return spark.read.option("mergeSchema", True).parquet(_exactly(folder))


def _whole_lines(part: TextPart) -> Iterator[pa.RecordBatch]:
    """The cells of a part of a file; one line that is no row fails all of them."""
    names = cell_names(part.file.columns)

    def checked(batch: pa.RecordBatch) -> pa.RecordBatch:
        torn, again = batch.column(LINE).drop_null(), batch.filter(_is_header(batch, names))
        if len(torn) or again.num_rows:
            found = torn[0].as_py() if len(torn) else part.file.header or ", ".join(names)
            expected = ONE_CELL_A_COLUMN if len(torn) else ONE_HEADER
            raise SourceError(
                "a line of a table cannot be read",
                where=part.file.path,
                expected=expected,
                found=quote_value(found[:80]),
                fix="Write the file again at its source.",
            )
        return batch.drop_columns([LINE])

    return (checked(batch) for batch in part.batches())


def _is_header(batch: pa.RecordBatch, names: Sequence[str]) -> pa.Array:
    same = pc.equal(batch.column(0), names[0])
    for number, name in enumerate(names[1:], 1):
        same = pc.and_(same, pc.equal(batch.column(number), name))
    return pc.fill_null(same, False)


@dataclass(frozen=True)
class DeltaTable:
    """A whole Delta table at one version."""

    shot: TableSnapshot

    @property
    def size(self) -> int:
        return sum(file.size for file in self.shot.files)

    def read(self, spark: SparkSession, folder: str) -> DataFrame:
        """The rows; partition columns come from the names of folders."""
        from pyspark.sql.types import StructType

        shot = self.shot
        _check_folders(shot)
        reader = spark.read.schema(StructType.fromJson(json.loads(shot.spark_schema)))
        if shot.partitioned_by:
            reader = reader.option("basePath", _located(shot.uri))
        return reader.parquet(*(_exactly(f"{shot.uri}/{file.path}") for file in shot.files))


def _check_folders(shot: TableSnapshot) -> None:
    for file in shot.files:
        named = zip(shot.partitioned_by, file.values, strict=True)
        expected = [f"{name}={NULL_FOLDER if value is None else value}" for name, value in named]
        # Spark decodes each percent escape to one character, where others decode UTF-8.
        if [unquote(part, "latin-1") for part in file.path.split("/")[:-1]] != expected:
            raise SourceError(
                "Spark cannot tell the file's partition from its folder",
                where=f"{shot.uri}/{file.path}",
                expected="/".join(expected) or "no folder",
                fix="Give Assay a copy that Spark wrote.",
            )


@dataclass(frozen=True)
class QueryRows:
    """The result of a query for one night; see `assay.score.inputs.types.Source`."""

    where: str
    night: str
    query: str
    tables: Mapping[str, FilesTable | TextTable | DeltaTable]
    by_spark: ClassVar = True

    @property
    def size(self) -> int:
        return sum(table.size for table in self.tables.values())

    @property
    def text(self) -> bool:
        return any(isinstance(table, TextTable) for table in self.tables.values())

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Run the query and write its result; see `assay.score.inputs.types.Source`."""
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]
        from pyspark.errors import PySparkException
        from pyspark.sql.pandas.types import to_arrow_schema

        spark = session()
        spark.conf.set("spark.sql.session.timeZone", UTC)
        # A partition value is always text, even if it looks like another type.
        spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        try:
            found = self._result(spark, folder)
            # Spark before 4.2 takes no time zone, and means this one.
            zoned = "timezone" in signature(to_arrow_schema).parameters
            zone: dict[str, Any] = {"timezone": UTC} if zoned else {}
            self._check(to_arrow_schema(found.schema, **zone), contract)
            _written(spark, found, f"{folder}/rows")
        except (PySparkException, Py4JError) as error:
            raise SourceError(
                "Spark cannot read it",
                where=self.where,
                found=_cause(f"{error}\n{getattr(error, '_stackTrace', '')}"),
                fix=f"All that Spark said is in {layout.WORK}/spark/spark.log.",
            ) from None
        except KeyboardInterrupt:
            spark.sparkContext.cancelAllJobs()
            raise

    def _result(self, spark: SparkSession, folder: str) -> DataFrame:
        """The result of the query; its temporary views are dropped."""
        made = []
        try:
            for name, table in self.tables.items():
                rows = table.read(spark, f"{folder}/{TABLES}/{name}")
                rows.createOrReplaceTempView(name)
                made.append(name)
            return spark.sql(self.query, args={"night": self.night})
        finally:
            for name in made:
                spark.catalog.dropTempView(name)

    def _check(self, schema: pa.Schema, contract: Contract) -> None:
        kinds = {field.name: TYPES[field.kind] for field in contract.fields}
        fields = [
            field.with_type(kinds[field.name])
            if field.name in kinds and self.text and is_text(field.type)
            else field
            for field in schema
        ]
        check_schema(contract, pa.schema(fields), self.where)


def _written(spark: SparkSession, found: DataFrame, target: str) -> None:
    """Write a result whose columns may share a name; of those, the contract has none."""
    from pyspark.sql import functions as f

    names = cell_names(found.columns)
    named = found.toDF(*names)
    empty = [name for name, kind in named.dtypes if kind == "void"]  # has no type in Parquet
    case = spark.conf.get("spark.sql.caseSensitive", "false")
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        named.withColumns({name: f.lit(None).cast("string") for name in empty}).write.parquet(
            _located(target)
        )
    finally:
        spark.conf.set("spark.sql.caseSensitive", case or "false")


def _cause(text: str) -> str:
    if "No FileSystem for scheme" in text or "S3AFileSystem not found" in text:
        return "no file system for s3 in Spark (add hadoop-aws to spark.conf)"
    return failure_cause(text)


LONGEST = 300

_CONDITION = re.compile(r"\[[A-Z][A-Z0-9_.]+\] (.+?)(?:\s+SQLSTATE: \w+)?$")
_PYTHON = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)\b.*$")
_CAUSE = re.compile(r"^Caused by: [\w.$]+: (.+)$")


def failure_cause(text: str) -> str:
    """The cause of a failure: Spark's error condition with its root cause, or a worker's error.

    Parameters
    ----------
    text
        A Spark exception as text: messages, Java and Python stack frames mixed.
    """
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        raised = [line for line in lines if _PYTHON.match(line)]
        if raised:
            return raised[-1][:LONGEST]
    conditions = [found[1] for line in lines if (found := _CONDITION.search(line))]
    causes = [found[1] for line in lines if (found := _CAUSE.match(line))]
    # A condition repeats at each level of the stack; the deepest cause is the root cause.
    parts = [*conditions[:1], *(cause for cause in causes[-1:] if not _CONDITION.search(cause))]
    told = ": ".join(part.rstrip(". ") for part in parts) or (lines[0] if lines else "no message")
    return told[:LONGEST]


def _located(path: str) -> str:
    """An address in Hadoop's syntax, which needs a scheme and no percent escapes."""
    if path.startswith("s3://"):
        return f"s3a://{path.removeprefix('s3://')}"
    return path if "://" in path else f"file://{path}"


def _exactly(path: str) -> str:
    """An address with glob characters escaped, because Spark treats paths as patterns."""
    return re.sub(r"([][{}*?\\])", r"\\\1", _located(path))


class SqlFormat(Format[Sql]):
    """A query over tables in files; see `assay.score.inputs.format.Format`."""

    lists_nights = False
    by_spark: ClassVar[bool] = True

    def fingerprint(self, value: str) -> str:
        return self._find(value).fingerprint

    def find(self, value: str, contract: Contract) -> NightInput:
        return self._find(value)

    def _find(self, value: str) -> NightInput:
        where, text = "params.yaml: score.input.query", self.spec.query or ""
        if self.spec.file is not None:
            path = self.root / self.spec.file
            where, text = str(path), _read(path)
        if not has_night_parameter(text):
            raise SourceError(
                "the query does not ask for the night",
                where=where,
                expected="a condition such as day = :night",
                fix="Without it every night would be the whole table.",
            )
        tables: dict[str, FilesTable | TextTable | DeltaTable] = {}
        marks, plain = [], []
        for name, table in self.spec.tables.items():
            if isinstance(table, Delta):
                shot = read_snapshot(resolve_uri(self.root, table.path))
                tables[name] = DeltaTable(shot)
                mark = digests.digest_texts("delta", shot.identity, str(shot.version))
            else:
                base = resolve_uri(self.root, table.path)
                listed = list_tree(base)
                mark = fingerprint(table.settings, listed, [""] * len(listed))
                tables[name] = (
                    TextTable(text_rows(table, listed))
                    if isinstance(table, Csv)
                    else FilesTable(table, base, listed)
                )
                plain += [name, mark]
            marks += [name, mark]
        return NightInput(
            value,
            self.column,
            where,
            source=QueryRows(where, value, text, tables),
            fingerprint=digests.digest_texts("sql", value, text, *marks),
            replaceable=digests.digest_texts("sql", *plain) if plain else "",
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            "the query cannot be read",
            where=str(path),
            found=str(error),
            fix="Check score.input.file in params.yaml.",
        ) from None
