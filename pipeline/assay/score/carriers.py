"""How the rows of a night reach the model: two carriers, on which a job runs the same way.

- ``local``: threads or processes of this command read the files. No Spark, no Java.
- ``files``: Spark hands shares of the files to its executors, which read them with Arrow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.contract.definition import Contract
from assay.project.params import Carrier, Params
from assay.project.processes import own_cores
from assay.score import local
from assay.score.duplicate_keys import KeyFile, duplicate_hashes
from assay.score.inputs import formats as inputs
from assay.score.inputs.files import resolve_uri
from assay.score.inputs.formats import format_of
from assay.score.inputs.landing import landed, local_home
from assay.score.inputs.types import NightInput, Session
from assay.score.local import Outcome, Progress, Work
from assay.store.delta.location import SCRATCH

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL_ROWS = 20_000_000
LOCAL_BYTES = 2_000_000_000
"""Up to this many rows of Parquet or Delta, or bytes of what has to be landed first, ``auto``
scores a night without Spark if ``spark.master`` is local."""


def choose_carrier(params: Params, night: NightInput) -> Carrier:
    """How the rows of a night are read: ``score.carrier``, or what ``auto`` means for it.

    ``auto`` is ``local`` if Spark would run on this machine, the night is not too large, and Spark
    is not needed to land it; else ``files``.
    """
    wanted = params.score.carrier
    if wanted != "auto":
        return wanted
    source = night.source
    if source is None:
        small = sum(file.rows for file in night.files) <= LOCAL_ROWS
    else:
        small = source.size <= LOCAL_BYTES and not source.by_spark
    return "local" if small and _is_local(params) else "files"


def needs_spark(params: Params) -> bool:
    """Whether every night of the input needs Spark, so that it pays to start it at once."""
    spec = params.score.input
    if format_of(spec).by_spark:
        return True
    wanted = params.score.carrier
    if wanted == "auto":
        return not _is_local(params)
    return wanted != "local"


def _is_local(params: Params) -> bool:
    """Whether Spark would run on this machine alone, and is not running yet."""
    return local.SUBMITTED not in os.environ and local.local_cores(params.spark.master) is not None


@dataclass(frozen=True)
class OpenInput:
    """A night whose rows can be read, more than once, while it is open.

    Attributes
    ----------
    cores
        Of this machine.
    spark
        The running session; None for the ``local`` carrier.
    """

    night: NightInput
    cores: int = 1
    spark: SparkSession | None = None

    def run(
        self, work: Work[Outcome], progress: Progress
    ) -> tuple[Iterator[Outcome], frozenset[int]]:
        """Run a job on all rows; returns each task's outcome, and the files' own row count.

        The job read all rows if it counted as many (`assay.score.scoring_job.check_row_counts`).

        Raises
        ------
        AssayError
            The first error that a task raised.
        ScoringFailed, SparkFailed
            A task failed in another way, or Spark itself.
        """
        files = self.night.files
        stated = frozenset({sum(file.rows for file in files)})
        if self.spark is None:
            return local.run_files(files, work, self.cores, progress), stated
        from assay.score.spark import tasks

        return tasks.run_files(self.spark, files, work, progress), stated

    def duplicate_hashes(self, files: Sequence[KeyFile]) -> dict[int, int]:
        """Hashes of keys that occur more than once, with counts.

        ``files`` are those that a job wrote; see `assay.score.duplicate_keys`.
        """
        return duplicate_hashes(files, self.cores)


@contextmanager
def open_night(
    session: Session,
    root: Path,
    params: Params,
    night: NightInput,
    contract: Contract,
    carrier: Carrier,
) -> Iterator[OpenInput]:
    """Open a night, which is landed first if need be; no job has run when the block starts.

    Parameters
    ----------
    session
        Called if the carrier needs Spark, or what has to be landed.
    contract
        As at scoring time: ``Contract.without_label()``.

    Raises
    ------
    NightEmpty
        The night has no row.
    SourceError
        The source cannot be read.
    SchemaMismatch
        A query returns other columns than the contract requires.
    """
    with landed(night, working_folder(root, params), contract, session) as there:
        if there.rows == 0:
            raise inputs.empty_night_error(night)
        if carrier == "local":
            cores = local.local_cores(params.spark.master)
            yield OpenInput(there, own_cores() if cores is None else cores)
        else:
            yield OpenInput(there, own_cores(), session())


def working_folder(root: Path, params: Params) -> str:
    """For files that are soon deleted: on this machine, or where executors elsewhere see them."""
    if _is_local(params):
        return local_home(root)
    return f"{resolve_uri(root, params.store)}/{SCRATCH}"
