"""Predictions as a table of a catalog, so that people who know SQL find them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.errors import ExportFailed
from assay.project import layout
from assay.score.inputs.catalog import failure_cause, quote_name, quote_part

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def register(
    spark: SparkSession, name: str, address: str, column: str, night: str, run_id: str
) -> None:
    """Let the catalog of ``name`` know the predictions, and look there for a run's rows.

    Spark needs Delta Lake, as it is on Databricks, EMR and Dataproc. Again changes nothing.

    Parameters
    ----------
    address
        The Delta table.
    column, night, run_id
        The partition of a run that is published, and that has rows.

    Raises
    ------
    ExportFailed
        There is no such catalog, no right or no Delta Lake; or the name is another table's.
    """
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    table, place = quote_name(name), address if "://" in address else f"file://{address}"
    literal = place.replace("\\", "\\\\").replace("'", "\\'")
    run = f"SELECT 1 FROM {table} WHERE {quote_part(column)} = :night AND run_id = :run LIMIT 1"
    where, fix = f"publish.as_table: {name}", f"Once it can be: assay score --date {night} --force."
    try:
        spark.sql(f"CREATE TABLE IF NOT EXISTS {table} USING DELTA LOCATION '{literal}'")
        shown = spark.sql(run, args={"night": night, "run": run_id}).collect()
    except (PySparkException, Py4JError) as error:
        raise ExportFailed(
            "the predictions are published, but cannot be read as a table of the catalog",
            where=where,
            found=failure_cause(str(error)),
            fix=f"{fix} All that Spark said is in {layout.WORK}/spark/spark.log.",
        ) from None
    if not shown:
        raise ExportFailed(
            "the predictions are published, but the table of that name shows others",
            where=where,
            expected=f"rows of run {run_id} from {place}",
            found="none",
            fix=f"Drop that table, or choose another name. {fix}",
        )
