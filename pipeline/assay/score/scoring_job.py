"""The work of a task, for all carriers: score batches, write files, count rows.

Each task writes its own Parquet files under the run's id and returns only their names and its
counts, so the driver holds no rows. A file becomes visible when the run commits it. Files of failed
attempts are never committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Protocol

import pyarrow as pa

from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.model import bundle
from assay.model.batch import InputBatch, new_counter, score_batch
from assay.model.bundle import Bundle, Files
from assay.score.duplicate_keys import UNIQUE, DuplicateKeys, KeyWriter, complete_keys, hash_keys
from assay.score.inputs.split import RowGroups, input_batches
from assay.score.output import Lineage, add_lineage
from assay.score.tally import Tally
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, Staged
from assay.store.delta.writer import PartWriter


@dataclass(frozen=True)
class Job:
    """Everything that a task needs, small enough to send with it.

    Parameters
    ----------
    files
        `Bundle.scoring_files`: for a compiled model only the compiled form.
    keys
        The folder for the hashes of keys; None if duplicate keys are not checked.
    repeats
        The duplicate keys whose rows are refused, once they are known.
    """

    files: Files
    digest: str
    allow_types: tuple[str, ...]
    contract: Contract
    stamp: Lineage
    partition: str
    place: StoreLocation
    predictions: pa.Schema
    quarantine: pa.Schema
    batch_rows: int
    keys: str | None
    repeats: DuplicateKeys | None = None

    @property
    def where(self) -> str:
        return f"night {self.partition}"

    @property
    def threaded(self) -> bool:
        return bundle.COMPILED in self.files

    def process_files(self, parts: Sequence[RowGroups], name: str) -> Tally:
        """Score row groups of files; ``name`` as for `score_part`."""
        return score_part(self, input_batches(parts, self.contract, self.batch_rows), name)


class SentBundle(Protocol):
    """A bundle as it is sent to a worker."""

    @property
    def files(self) -> Files: ...

    @property
    def digest(self) -> str: ...

    @property
    def allow_types(self) -> tuple[str, ...]: ...


class BundleCacheKey:
    """A bundle as cache key, so that a worker process loads it once for several tasks."""

    def __init__(self, sent: SentBundle) -> None:
        self.sent = sent

    def __hash__(self) -> int:
        return hash((self.sent.digest, self.sent.allow_types))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BundleCacheKey) and (self.sent.digest, self.sent.allow_types) == (
            other.sent.digest,
            other.sent.allow_types,
        )


_LOADING = Lock()


def cached_bundle(wanted: SentBundle) -> Bundle:
    """The bundle, loaded at most once as long as no two others were needed in between.

    Tasks in threads of one process share it.
    """
    with _LOADING:
        loaded = _load(BundleCacheKey(wanted))
        # Each is made when it is first needed, which is not safe in threads.
        _, _, _ = loaded.scorer, loaded.reference, loaded.losses
        return loaded


@lru_cache(maxsize=2)
def _load(wanted: BundleCacheKey) -> Bundle:
    sent = wanted.sent
    return bundle.from_files(
        sent.files, "bundle", expected=sent.digest, allow_types=sent.allow_types, whole=False
    )


def score_part(job: Job, pieces: Iterable[InputBatch], part: str) -> Tally:
    """Score some pieces of a night into one file per table.

    Parameters
    ----------
    part
        Names the files; must be unique among all attempts at the run's parts.
    """
    loaded = cached_bundle(job)
    keys = None if job.keys is None else KeyWriter(job.keys, part)
    tally, counter = Tally(), None
    with ExitStack() as stack:
        writers: dict[Staged, PartWriter] = {}

        def write(table: Staged, rows: pa.Table) -> None:
            if rows.num_rows == 0:
                return
            if table not in writers:
                path = job.place.part_path_for(table, job.partition, job.stamp.run_id, part)
                writer = PartWriter(job.place.table_uri(table), path)
                writers[table] = stack.enter_context(writer)
            schema = job.predictions if table == PREDICTIONS else job.quarantine
            writers[table].write(add_lineage(rows, schema, job.stamp))

        for piece in pieces:
            unread = piece.unread
            if job.repeats is not None:
                again = job.repeats.row_mask(Columns(job.contract, piece.rows))
                unread = {**unread, UNIQUE: again}
            scored = score_batch(loaded, job.contract, piece.rows, whole=piece.whole, unread=unread)
            write(PREDICTIONS, scored.predictions)
            write(QUARANTINE, scored.quarantine)
            if keys is not None:
                # The contract already refuses a row without a key.
                hashes, whole = hash_keys(scored.columns), complete_keys(scored.columns)
                keys.add(hashes if whole.all() else hashes[whole])
            if counter is None:
                counter = new_counter(scored.reference)
            scored.count(counter)
            tally += Tally.of(scored)
    return tally.staged(
        predictions=[writers[PREDICTIONS].staged] if PREDICTIONS in writers else [],
        quarantine=[writers[QUARANTINE].staged] if QUARANTINE in writers else [],
        keys=() if keys is None else keys.files(),
        profile=None if counter is None else counter.profile(),
    )
