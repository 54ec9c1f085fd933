"""What a task does, whichever carrier brought it rows: score batches, write files, count.

Each task writes its own Parquet files under the run's id and returns only names and
counts, so the driver holds no rows. A file becomes visible when the run commits it; what
a retried task left behind never is.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa

from pipeline import bundle
from pipeline.bundle import Bundle, Files
from pipeline.contract.model import Contract
from pipeline.score.batch import ALL_READ, Unread, Whole, score_batch
from pipeline.score.keys import KeyWriter, hashes
from pipeline.score.output import Stamp, stamped
from pipeline.score.tally import Tally
from pipeline.store.place import Place
from pipeline.store.tables import PREDICTIONS, QUARANTINE, Staged
from pipeline.store.writer import PartWriter


@dataclass(frozen=True)
class Job:
    """All that a task needs, small enough to travel with it.

    Parameters
    ----------
    files
        `Bundle.needed`: of a compiled model the compiled form alone.
    keys
        The folder that hashes of keys are left in; None if nobody asks whether keys repeat.
    """

    files: Files
    digest: str
    allow_types: tuple[str, ...]
    contract: Contract
    stamp: Stamp
    partition: str
    place: Place
    predictions: pa.Schema
    quarantine: pa.Schema
    batch_rows: int
    keys: str | None


@dataclass(frozen=True)
class Piece:
    """Some rows of the input on their way to the scoring function; see `score_batch`."""

    rows: pa.RecordBatch | pa.Table
    whole: Whole | None = None
    unread: Unread = field(default_factory=lambda: ALL_READ)


class Loaded:
    """A job's bundle, kept by the process that works on it from one task to the next."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __hash__(self) -> int:
        return hash((self.job.digest, self.job.allow_types))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loaded) and (self.job.digest, self.job.allow_types) == (
            other.job.digest,
            other.job.allow_types,
        )


@lru_cache(maxsize=2)
def _bundle(wanted: Loaded) -> Bundle:
    job = wanted.job
    return bundle.from_files(
        job.files, "bundle", expected=job.digest, allow_types=job.allow_types, whole=False
    )


def score_part(job: Job, pieces: Iterable[Piece], part: str) -> Tally:
    """Score some pieces of a night into one file a table.

    Parameters
    ----------
    part
        Names the files; no other attempt at any part of the run may use it.

    Raises
    ------
    AssayError
        Whatever is wrong with the bundle, the contract's checks, the rows or the store.
    """
    loaded = _bundle(Loaded(job))
    keys = None if job.keys is None else KeyWriter(job.keys, part)
    tally = Tally()
    with ExitStack() as stack:
        writers: dict[Staged, PartWriter] = {}

        def write(table: Staged, rows: pa.Table) -> None:
            if rows.num_rows == 0:
                return
            if table not in writers:
                path = job.place.new_file(table, job.partition, job.stamp.run_id, part)
                writer = PartWriter(job.place.table_uri(table), path)
                writers[table] = stack.enter_context(writer)
            schema = job.predictions if table == PREDICTIONS else job.quarantine
            writers[table].write(stamped(rows, schema, job.stamp))

        for piece in pieces:
            scored = score_batch(
                loaded, job.contract, piece.rows, whole=piece.whole, unread=piece.unread
            )
            write(PREDICTIONS, scored.predictions)
            write(QUARANTINE, scored.quarantine)
            if keys is not None:
                # A key that is not there is no one's: the contract refuses such a row already.
                there = [scored.columns.present(name) for name in job.contract.keys]
                keys.add(hashes(scored.columns)[np.logical_and.reduce(there)])
            tally += Tally.of(scored)
    return tally.staged(
        predictions=[writers[PREDICTIONS].staged] if PREDICTIONS in writers else [],
        quarantine=[writers[QUARANTINE].staged] if QUARANTINE in writers else [],
        keys=() if keys is None else keys.files(),
    )
