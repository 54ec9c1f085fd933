"""Open a night for Spark jobs, whichever carrier reads its rows.

The ``files`` carrier hands row groups to the executors, the ``dataframe`` carrier hands them
batches of a DataFrame. A job runs the same way on both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.contract.definition import Contract
from assay.errors import UsageError
from assay.project.params import Carrier, Params
from assay.score.inputs import discovery as inputs
from assay.score.inputs import frame as spark_inputs
from assay.score.inputs.types import NightInput
from assay.score.spark import files as spark_files
from assay.score.spark import frame as spark_frame
from assay.score.spark.tasks import Outcome, Work

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def choose_carrier(params: Params, night: NightInput) -> Carrier:
    """How rows are read: ``files`` (Arrow) if possible, else ``dataframe`` (Spark), unless forced.

    Raises
    ------
    UsageError
        ``files`` is requested, but Arrow cannot read this input.
    """
    wanted = params.score.carrier
    if wanted == "files" and night.files is None:
        raise UsageError(
            "the files carrier reads Parquet and Delta only",
            where="params.yaml: score.carrier",
            found=night.where,
            mend="Use auto or dataframe.",
        )
    if wanted == "auto":
        return "dataframe" if night.files is None else "files"
    return wanted


@dataclass(frozen=True)
class OpenNight:
    """A night whose rows can be read, more than once, while it is open.

    A query in a database returns the same rows each time.

    Attributes
    ----------
    frame
        The rows as a DataFrame; None if the executors read the night's files themselves.
    """

    spark: SparkSession
    night: NightInput
    frame: DataFrame | None

    def run(
        self, work: Work[Outcome], progress: Callable[[int, int], None]
    ) -> tuple[Iterator[Outcome], frozenset[int]]:
        """Run a job on all rows; returns each task's outcome, and every row count that is known.

        The counts are the files' own and the JVM's. The job read all rows if it counted as many
        as each of them (`assay.score.tally.check_row_counts`).

        Raises
        ------
        NightEmpty
            Spark found no row.
        AssayError
            The first error that a task raised.
        SparkFailed
            Spark itself failed.
        """
        night = self.night
        if self.frame is None:
            files = night.files or ()
            stated = frozenset({sum(file.rows for file in files)})
            return spark_files.run(self.spark, files, work, progress), stated
        parts, counted = spark_frame.run(self.spark, self.frame, work, night.text, progress)
        if counted == 0:
            raise inputs.empty_night_error(night)
        return parts, frozenset({counted} if night.rows is None else {counted, night.rows})


@contextmanager
def open_night(
    spark: SparkSession,
    params: Params,
    night: NightInput,
    contract: Contract,
    carrier: Carrier,
    columns: Collection[str] = (),
) -> Iterator[OpenNight]:
    """Open a night; no Spark job has run when the block starts.

    Parameters
    ----------
    contract
        As at scoring time: ``Contract.without_label()``.
    columns
        The only ones that leave the JVM; all of them if none is given, or if the cells are text.
        A job on files chooses its columns itself.

    Raises
    ------
    SourceError
        The source cannot be read.
    SchemaMismatch
        A query returns other columns than the contract requires.
    """
    if carrier == "files":
        yield OpenNight(spark, night, None)
        return
    with spark_inputs.open_frame(spark, params, night, contract) as frame:
        yield OpenNight(spark, night, frame if night.text else _only(frame, columns))


def _only(frame: DataFrame, columns: Collection[str]) -> DataFrame:
    quoted = ["`{}`".format(name.replace("`", "``")) for name in columns]
    return frame.select(*quoted) if quoted else frame
