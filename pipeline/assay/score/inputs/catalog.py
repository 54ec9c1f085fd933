"""Input from a table that Spark's session knows by name: in Unity, Glue, Hive, or any catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar

from assay.contract.definition import Contract
from assay.contract.schema import check_schema
from assay.errors import SourceError
from assay.project import digests, layout
from assay.project.params.inputs import Catalog
from assay.score.inputs.format import Format
from assay.score.inputs.types import NightInput, Session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

UTC = "UTC"


class CatalogFormat(Format[Catalog]):
    """A table by its name; see `assay.score.inputs.format.Format`.

    Spark reads the night in one query, so in one snapshot, and lands it.
    """

    lists_nights = False
    by_spark: ClassVar[bool] = True

    def find(self, value: str, contract: Contract) -> NightInput:
        spec = self.spec
        of = "" if spec.snapshot is None else f" VERSION AS OF {spec.snapshot}"
        asked = f"{quote_part(self.column)} = :night"
        query = f"SELECT * FROM {quote_name(spec.table)}{of} WHERE {asked}"
        where = f"{spec.table}{of.lower()}, {self.column}={value}"
        source = CatalogRows(where, value, query)
        return NightInput(
            value, self.column, where, source=source, fingerprint=self.fingerprint(value)
        )

    def fingerprint(self, value: str) -> str:
        """Empty of the newest rows, because nobody can tell without Spark whether they changed."""
        spec = self.spec
        if spec.snapshot is None:
            return ""
        return digests.digest_texts("catalog", spec.table, str(spec.snapshot), value)


@dataclass(frozen=True)
class CatalogRows:
    """The rows of a query for one night; see `assay.score.inputs.types.Source`."""

    where: str
    night: str
    query: str
    size: ClassVar = 0
    by_spark: ClassVar = True
    text: ClassVar = False

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Run the query and write its result; see `assay.score.inputs.types.Source`."""
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]
        from pyspark.errors import PySparkException
        from pyspark.sql.pandas.types import to_arrow_schema

        spark = session()
        spark.conf.set("spark.sql.session.timeZone", UTC)
        spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        try:
            rows = spark.sql(self.query, args={"night": self.night})
            # Spark before 4.2 takes no time zone, and means this one.
            zoned = "timezone" in signature(to_arrow_schema).parameters
            zone: dict[str, Any] = {"timezone": UTC} if zoned else {}
            check_schema(contract, to_arrow_schema(rows.schema, **zone), self.where)
            _written(rows, f"{folder}/rows")
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


def _written(rows: DataFrame, target: str) -> None:
    from pyspark.sql import functions as f

    empty = [name for name, kind in rows.dtypes if kind == "void"]  # has no type in Parquet
    place = target if "://" in target else f"file://{target}"
    rows.withColumns({name: f.lit(None).cast("string") for name in empty}).write.parquet(place)


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
    conditions = [match[1] for line in lines if (match := _CONDITION.search(line))]
    causes = [match[1] for line in lines if (match := _CAUSE.match(line))]
    # A condition repeats at each level of the stack; the deepest cause is the root cause.
    parts = [*conditions[:1], *(cause for cause in causes[-1:] if not _CONDITION.search(cause))]
    words = ": ".join(part.rstrip(". ") for part in parts) or (lines[0] if lines else "no message")
    return words[:LONGEST]


def quote_name(table: str) -> str:
    """``catalog.schema.table`` as Spark SQL takes it, whatever words it has."""
    return ".".join(map(quote_part, table.split(".")))


def quote_part(name: str) -> str:
    """One name as Spark SQL takes it."""
    return f"`{name.replace('`', '``')}`"
