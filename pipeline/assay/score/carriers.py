"""How the rows of a night reach the model: three carriers, on which a job runs the same way.

- ``local``: threads or processes of this command read the files. No Spark, no Java.
- ``files``: Spark hands shares of the files to its executors, which read them with Arrow.
- ``dataframe``: Spark reads the rows, and hands batches of a DataFrame to Python.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.contract.definition import Contract
from assay.errors import UsageError
from assay.project.params import Carrier, Params
from assay.project.params.inputs import Delta, Parquet
from assay.project.processes import own_cores
from assay.score import local
from assay.score.duplicate_keys import KeyFile, duplicate_hashes
from assay.score.inputs import discovery as inputs
from assay.score.inputs.flat.flat_file import is_flat
from assay.score.inputs.text_rows import can_read, text_table
from assay.score.inputs.types import InputTable, NightInput
from assay.score.work import Outcome, Progress, Work

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LOCAL_ROWS = 20_000_000
LOCAL_BYTES = 2_000_000_000
"""Up to this many rows of Parquet or Delta, or bytes of CSV or JSON, ``auto`` scores a night
without Spark if ``spark.master`` is local."""


def choose_carrier(params: Params, night: NightInput) -> Carrier:
    """How the rows of a night are read: ``score.carrier``, or what ``auto`` means for it.

    ``auto`` is ``local`` for files that can be read without Spark, if it would run on this machine
    and the night is not too large; else ``files`` for such files, else ``dataframe``.

    Raises
    ------
    UsageError
        ``local`` or ``files`` is requested, but cannot read this input; or another one than
        ``local`` on a cluster, whose workers cannot read what was cut on this machine.
    """
    wanted, text = params.score.carrier, text_table(night)
    readable = night.files is not None or text is not None
    if wanted in ("local", "files") and not readable:
        raise UsageError(
            f"the {wanted} carrier cannot read this input",
            where="params.yaml: score.carrier",
            expected="Parquet, Delta, CSV or JSON",
            found=night.where,
            mend="Use auto or dataframe; docs/inputs.md says what needs Spark.",
        )
    if is_flat(params.score.input) and not _is_local(params):
        if wanted in ("files", "dataframe"):
            raise UsageError(
                f"the {wanted} carrier cannot read this input on a cluster",
                where="params.yaml: score.carrier",
                expected="auto or local, as its nights are cut on this machine",
                found=night.where,
                mend="For larger nights, write a folder for each, or a table that a query reads.",
            )
        return "local"
    if wanted != "auto":
        return wanted
    if not readable:
        return "dataframe"
    if text is None:
        small = sum(file.rows for file in night.files or ()) <= LOCAL_ROWS
    else:
        small = sum(sum(group.sizes) for group in text.groups) <= LOCAL_BYTES
    return "local" if small and _is_local(params) else "files"


def needs_spark(params: Params) -> bool:
    """Whether every night of the input needs Spark, so that it pays to start it at once."""
    spec = params.score.input
    if not (isinstance(spec, Parquet | Delta) or can_read(spec)):
        return True
    wanted = params.score.carrier
    if wanted == "auto":
        return not _is_local(params) and not is_flat(spec)
    return wanted != "local"


def _is_local(params: Params) -> bool:
    """Whether Spark would run on this machine alone, and is not running yet."""
    return local.SUBMITTED not in os.environ and local.local_cores(params.spark.master) is not None


@dataclass(frozen=True)
class OpenNight:
    """A night whose rows can be read, more than once, while it is open.

    A query in a database returns the same rows each time.

    Attributes
    ----------
    cores
        Of this machine, for the ``local`` carrier.
    spark
        The running session; None for the ``local`` carrier.
    frame
        The rows as a DataFrame; None if tasks read the night's files themselves.
    """

    night: NightInput
    cores: int = 1
    spark: SparkSession | None = None
    frame: DataFrame | None = None

    def run(
        self, work: Work[Outcome], progress: Progress
    ) -> tuple[Iterator[Outcome], frozenset[int]]:
        """Run a job on all rows; returns each task's outcome, and every row count that is known.

        The counts are the files' own, and of those who read them. The job read all rows if it
        counted as many as each of them (`assay.score.tally.check_row_counts`).

        Raises
        ------
        NightEmpty
            The files have no row.
        AssayError
            The first error that a task raised.
        ScoringFailed, SparkFailed
            A task failed in another way, or Spark itself.
        """
        night, files = self.night, self.night.files or ()
        stated = frozenset({sum(file.rows for file in files)})
        text = text_table(night) if self.frame is None else None
        if text is not None:
            parts, rows = self._run_text(text, work, progress)
            if rows == 0:
                raise inputs.empty_night_error(night)
            return parts, frozenset({rows})
        if self.spark is None:
            return local.run_files(files, work, self.cores, progress), stated
        if self.frame is None:
            from assay.score.spark import files as spark_files

            return spark_files.run(self.spark, files, work, progress), stated
        from assay.score.spark import frame as spark_frame

        parts, counted = spark_frame.run(self.spark, self.frame, work, night.text, progress)
        if counted == 0:
            raise inputs.empty_night_error(night)
        return parts, frozenset({counted} if night.rows is None else {counted, night.rows})

    def _run_text(
        self, text: InputTable, work: Work[Outcome], progress: Progress
    ) -> tuple[Iterator[Outcome], int]:
        if self.spark is None:
            return local.run_text(text, work, self.cores, progress)
        from assay.score.spark import files as spark_files

        return spark_files.run_text(self.spark, text, work, progress)

    def duplicate_hashes(self, files: Sequence[KeyFile]) -> dict[int, int]:
        """Hashes of keys that occur more than once, with counts.

        ``files`` are those that a job wrote; see `assay.score.duplicate_keys`.
        """
        if self.spark is None:
            return duplicate_hashes(files, self.cores)
        from assay.score.spark import duplicate_keys

        return duplicate_keys.duplicate_hashes(self.spark, files)


@contextmanager
def open_night(
    session: Callable[[], SparkSession],
    params: Params,
    night: NightInput,
    contract: Contract,
    carrier: Carrier,
    columns: Collection[str] = (),
) -> Iterator[OpenNight]:
    """Open a night; no job has run when the block starts.

    Parameters
    ----------
    session
        Called if the carrier needs Spark.
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
    if carrier == "local":
        cores = local.local_cores(params.spark.master)
        yield OpenNight(night, own_cores() if cores is None else cores)
        return
    if carrier == "files":
        yield OpenNight(night, spark=session())
        return
    from assay.score.inputs import frame as spark_inputs

    spark = session()
    with spark_inputs.open_frame(spark, params, night, contract) as frame:
        rows = frame if night.text else _only(frame, columns)
        yield OpenNight(night, spark=spark, frame=rows)


def _only(frame: DataFrame, columns: Collection[str]) -> DataFrame:
    quoted = ["`{}`".format(name.replace("`", "``")) for name in columns]
    return frame.select(*quoted) if quoted else frame
