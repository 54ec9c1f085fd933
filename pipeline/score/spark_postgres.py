"""Rows that PostgreSQL answers with, read over JDBC by several connections at once."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import SourceError
from pipeline.params_inputs import Postgres, bind
from pipeline.score.inputs_types import Night
from pipeline.score.spark_message import LONGEST

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession

JARS = "spark.jars"
JAR_ENV = "ASSAY_POSTGRES_JAR"
DEBIAN = Path("/usr/share/java/postgresql.jar")
"""Where the package libpostgresql-jdbc-java puts the driver."""
_SAID = re.compile(r"(?:PSQLException|UnknownHostException|ConnectException): (.+)")
DRIVER = "org.postgresql.Driver"
SPLIT = "_assay_split"
SECONDS = 10
"""To connect and log in: a wrong host is told soon."""
ROWS_AT_ONCE = 10_000
"""Without a limit the driver would hold all rows of a range in memory."""


def settings(spec: Postgres, conf: Mapping[str, str]) -> dict[str, str]:
    """The driver for Spark to start with, beside the jars that ``conf`` names.

    Raises
    ------
    SourceError
        There is no driver.
    """
    named = [each for each in conf.get(JARS, "").split(",") if each]
    jar = str(_jar(spec))
    return {JARS: ",".join(named if jar in named else [*named, jar])}


def _jar(spec: Postgres) -> Path:
    given = spec.jar or os.environ.get(JAR_ENV)
    path = Path(given) if given else DEBIAN
    if path.is_file():
        return path.resolve()
    raise SourceError(
        "the PostgreSQL driver for Java is missing",
        where="score.input.jar" if spec.jar else JAR_ENV if given else "params.yaml: score.input",
        expected="the file postgresql.jar",
        found=f"nothing at {path}",
        mend=f"Install libpostgresql-jdbc-java, or download it from jdbc.postgresql.org and name "
        f"it in score.input.jar or {JAR_ENV}.",
    )


def read(spark: SparkSession, spec: Postgres, night: Night) -> DataFrame:
    """The answer to the night's query, in as many ranges of ``split_on`` as it asks for.

    A time without a zone arrives as text, to be read as the contract types it: on its way
    through Java it would become a time of the zone that the machine is in, and change where
    that zone's clocks are put forward.

    Raises
    ------
    SourceError
        The column to split on holds neither numbers nor days nor times, or a variable that
        should hold the user is not set.
    """
    from pyspark.sql.types import TimestampNTZType

    query = bind(spec.query.strip().rstrip(";"), literal(night.value))
    table = f"({query}\n) AS night"  # the query may end in a comment
    ranges = {} if spec.split_on is None else _ranges(spark, spec, spec.split_on, table)
    cells = []
    for field in _reader(spark, spec).option("dbtable", table).load().schema:
        name = _quoted(field.name)
        naive = isinstance(field.dataType, TimestampNTZType)
        cells.append(f"{name}::text AS {name}" if naive else name)
    if ranges:
        cells.append(f"{_quoted(str(spec.split_on))} AS {SPLIT}")
    wanted = f"(SELECT {', '.join(cells)} FROM {table}) AS night"
    return _reader(spark, spec).options(**ranges).option("dbtable", wanted).load().drop(SPLIT)


def _ranges(spark: SparkSession, spec: Postgres, column: str, table: str) -> dict[str, str]:
    """Where to cut; the outermost ranges are open, so no row is in none of them."""
    name = _quoted(column)
    ends = f"(SELECT min({name}) AS low, max({name}) AS high FROM {table}) AS ends"
    found = _reader(spark, spec).option("dbtable", ends).load().first()
    if found is None or found["low"] is None:
        return {}
    return {
        "partitionColumn": SPLIT,
        "lowerBound": _bound(spec, found["low"]),
        "upperBound": _bound(spec, found["high"]),
        "numPartitions": str(spec.splits),
    }


def _reader(spark: SparkSession, spec: Postgres) -> DataFrameReader:
    reader = (
        spark.read.format("jdbc")
        .option("url", spec.url)
        .option("driver", DRIVER)
        .option("fetchsize", ROWS_AT_ONCE)
        # So that times without a zone are told from those with one.
        .option("preferTimestampNTZ", True)
        .option("connectTimeout", SECONDS)
        .option("loginTimeout", SECONDS)
        .option("ApplicationName", "assay")
    )
    for option, name, usual in (
        ("user", spec.user_env, "PGUSER"),
        ("password", spec.password_env, "PGPASSWORD"),
    ):
        value = os.environ.get(name)
        if value is not None:
            reader = reader.option(option, value)
        elif name != usual:
            raise SourceError(
                f"the environment has no {name}",
                where=f"params.yaml: score.input.{option}_env",
                mend=f"Set it to the {option} of {spec.url}.",
            )
    return reader


def said(text: str) -> str:
    """What the server or the way to it complains of, in Java's words; empty if neither does."""
    found = _SAID.findall(text)
    return ": ".join(dict.fromkeys(each.strip().rstrip(".") for each in found))[:LONGEST]


def literal(value: str) -> str:
    """``value`` as a text in SQL, whatever it holds."""
    doubled = value.replace("'", "''")
    # Before a backslash only E'' means the same under each setting of the server.
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in value else f"'{doubled}'"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _bound(spec: Postgres, value: Any) -> str:
    """An end of the ranges as Spark wants it; it decides where they are cut, not what is read."""
    if isinstance(value, date):
        return str(value)
    if isinstance(value, (int, float, Decimal)) and math.isfinite(value):
        return str(math.floor(value))
    raise SourceError(
        "rows cannot be split by it",
        where=f"params.yaml: score.input.split_on: {spec.split_on}",
        expected="a column of numbers, days or times",
        found=repr(value)[:60],
        mend="Name another column, or leave split_on out.",
    )
