"""The work of a task, for all carriers: score batches, write files, count rows.

Each task writes its own Parquet files under the run's id and returns only their names and its
counts, so the driver holds no rows. A file becomes visible when the run commits it. Files of failed
attempts are never committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from threading import Lock
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from assay.columns.profile import Profile, merge_profiles
from assay.compiled.contributions import Explainer
from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.errors import RowCountMismatch
from assay.model import bundle
from assay.model.batch import InputBatch, ScoredBatch, new_counter, score_batch
from assay.model.bundle import Bundle
from assay.model.bundle_files import Files
from assay.model.reasons import explainer_of
from assay.project.params import Reasons
from assay.project.processes import keep_freed_memory
from assay.project.text import counted
from assay.score.duplicate_keys import (
    UNIQUE,
    DuplicateKeys,
    KeyFile,
    KeyWriter,
    hash_complete_keys,
)
from assay.score.inputs.split import RowGroups, input_batches
from assay.score.row_reasons import RowReasons
from assay.store import StagedFile
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import INSTANT, PREDICTIONS, QUARANTINE, REASONS, Staged
from assay.store.delta.writer import PartWriter
from assay.store.runs import Run


@dataclass(frozen=True)
class Job:
    """Everything that a task needs, small enough to send with it.

    Parameters
    ----------
    files
        `Bundle.scoring_files`: for a compiled model only the compiled form; with ``reasons`` also
        what explains it.
    keys
        The folder for the hashes of keys; None if duplicate keys are not checked.
    repeats
        The duplicate keys whose rows are refused, once they are known.
    reasons, every
        What is published of the rows' reasons, None for nothing; one row of how many is counted.
    """

    files: Files
    digest: str
    allow_types: tuple[str, ...]
    contract: Contract
    run: Run
    place: StoreLocation
    predictions: pa.Schema
    quarantine: pa.Schema
    batch_rows: int
    keys: str | None
    repeats: DuplicateKeys | None = None
    reasons: Reasons | None = None
    every: int = 1

    @property
    def where(self) -> str:
        return f"night {self.run.partition}"

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


_LOADING = Lock()
_LOADED: dict[tuple[str, tuple[str, ...], frozenset[str]], Bundle] = {}
"""The last bundles that this process needed, by digest, allowed types and files."""
MOST_LOADED = 2


def cached_bundle(wanted: SentBundle) -> Bundle:
    """The bundle, loaded at most once as long as no two others were needed in between.

    Tasks of one worker process, also in threads, share it.
    """
    key = (wanted.digest, wanted.allow_types, frozenset(wanted.files))
    with _LOADING:
        loaded = _LOADED.pop(key, None) or bundle.from_files(
            wanted.files, "bundle", expected=key[0], allow_types=key[1], whole=False
        )
        while len(_LOADED) >= MOST_LOADED:
            del _LOADED[next(iter(_LOADED))]
        _LOADED[key] = loaded
        # Each is made when it is first needed, which is not safe in threads.
        _, _, _ = loaded.scorer, loaded.reference, loaded.losses
        return loaded


_EXPLAINERS: dict[tuple[str, tuple[str, ...]], Explainer] = {}


def cached_explainer(bundle: Bundle) -> Explainer:
    """A bundle's explainer, made as often as `cached_bundle` loads one.

    Raises
    ------
    ReasonsUnknown
        The model is not one whose contributions are computed exactly.
    """
    key = (bundle.digest, bundle.allow_types)
    with _LOADING:
        explainer = _EXPLAINERS.pop(key, None) or explainer_of(bundle)
        while len(_EXPLAINERS) >= MOST_LOADED:
            del _EXPLAINERS[next(iter(_EXPLAINERS))]
        _EXPLAINERS[key] = explainer
        return explainer


def score_part(job: Job, pieces: Iterable[InputBatch], part: str) -> Tally:
    """Score some pieces of a night into one file per table.

    Parameters
    ----------
    part
        Names the files; must be unique among all attempts at the run's parts.
    """
    keep_freed_memory()
    loaded = cached_bundle(job)
    explain = None
    if job.reasons is not None:
        explainer = cached_explainer(loaded)
        explain = RowReasons(explainer, loaded, job.contract, job.reasons, job.every).explain
    moved: Profile = {}
    keys = None if job.keys is None else KeyWriter(job.keys, part)
    tally, counter = Tally(), None
    with ExitStack() as stack:
        writers: dict[Staged, PartWriter] = {}

        def write(table: Staged, rows: pa.Table) -> None:
            if rows.num_rows == 0:
                return
            if table not in writers:
                path = job.place.part_path_for(table, job.run.partition, job.run.run_id, part)
                writer = PartWriter(job.place.table_uri(table), path)
                writers[table] = stack.enter_context(writer)
            schema = job.predictions if table == PREDICTIONS else job.quarantine
            writers[table].write(add_lineage(rows, schema, job.run))

        for piece in pieces:
            unread = piece.unread
            if job.repeats is not None:
                again = job.repeats.row_mask(Columns(job.contract, piece.rows))
                unread = {**unread, UNIQUE: again}
            scored = score_batch(loaded, job.contract, piece.rows, text=piece.text, unread=unread)
            predictions = scored.predictions
            if explain is not None:
                predictions, more = explain(scored)
                moved = merge_profiles(moved, more) if moved else more
            write(PREDICTIONS, predictions)
            write(QUARANTINE, scored.quarantine)
            if keys is not None:
                # The contract already refuses a row without a key.
                keys.add(hash_complete_keys(scored.columns))
            if counter is None:
                counter = new_counter(scored.reference)
            scored.count(counter)
            tally += Tally.of(scored)
    return replace(
        tally,
        predictions=(writers[PREDICTIONS].staged,) if PREDICTIONS in writers else (),
        quarantine=(writers[QUARANTINE].staged,) if QUARANTINE in writers else (),
        keys=() if keys is None else keys.files(),
        profile=None if counter is None else {**counter.profile(), **moved},
    )


KEY_TYPES = {
    "integer": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
}


def key_schema(contract: Contract, found: pa.Schema | None) -> pa.Schema:
    """Key columns in types that stay the same every night, whatever types the input has.

    Parameters
    ----------
    found
        The input's schema, which shows whether times have a zone; None if it has none.
    """
    fields = []
    for name in contract.keys:
        kind = contract.field(name).kind
        zone = None if found is None else getattr(found.field(name).type, "tz", None)
        fields.append(pa.field(name, KEY_TYPES.get(kind, pa.timestamp("us", zone))))
    return pa.schema(fields)


def add_lineage(rows: pa.Table, schema: pa.Schema, run: Run) -> pa.Table:
    """``rows`` with the lineage columns, in exactly the columns of ``schema``.

    Constant text is dictionary-encoded, so it is stored once per file.
    """
    stamps: dict[str, Any] = {
        "model_version": run.version,
        "bundle": run.bundle,
        "run_id": run.run_id,
        "scored_at": run.started_at,
        "quarantined_at": run.started_at,
    }
    columns = []
    for each in schema:
        if each.name in stamps:
            # Batches are about as long as each other, and share what is made once.
            column = _same(stamps[each.name], 1 << rows.num_rows.bit_length())[: rows.num_rows]
        elif each.name in REASONS and each.name not in rows.column_names:
            column = pa.nulls(rows.num_rows, each.type)
        else:
            column = _typed(rows.column(each.name), each.type)
        columns.append(column)
    fields = [
        pa.field(each.name, column.type, each.nullable)
        for each, column in zip(schema, columns, strict=True)
    ]
    return pa.table(columns, schema=pa.schema(fields))


@lru_cache(maxsize=16)
def _same(value: str | datetime, rows: int) -> pa.Array:
    if isinstance(value, datetime):
        return pa.repeat(pa.scalar(value, INSTANT), rows)
    return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), [value])


def _typed(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.dictionary(pa.int32(), target))
    return column.cast(target)


# ------------------------ row counts of a run; the tallies of batches and tasks add up to the run's


@dataclass(frozen=True)
class Tally:
    """Counts and files of some batches; ``Tally()`` is the zero."""

    rows: int = 0
    predictions: tuple[StagedFile, ...] = ()
    quarantine: tuple[StagedFile, ...] = ()
    keys: tuple[KeyFile, ...] = ()
    null_scores: int = 0
    broken: Mapping[str, int] = field(default_factory=dict)
    nulls: Mapping[str, int] = field(default_factory=dict)
    newest: date | None = None
    profile: Profile | None = None

    @property
    def scored(self) -> int:
        """Rows in the prediction files, from their footers."""
        return sum(file.rows for file in self.predictions)

    @property
    def quarantined(self) -> int:
        """Rows in the quarantine files, from their footers."""
        return sum(file.rows for file in self.quarantine)

    def __add__(self, other: Tally) -> Tally:
        known = [day for day in (self.newest, other.newest) if day is not None]
        return Tally(
            rows=self.rows + other.rows,
            predictions=(*self.predictions, *other.predictions),
            quarantine=(*self.quarantine, *other.quarantine),
            keys=(*self.keys, *other.keys),
            null_scores=self.null_scores + other.null_scores,
            broken=Counter(self.broken) + Counter(other.broken),
            nulls={**self.nulls, **_added(self.nulls, other.nulls)},
            newest=max(known, default=None),
            profile=_merged(self.profile, other.profile),
        )

    @staticmethod
    def of(batch: ScoredBatch) -> Tally:
        """The counts of one batch, before its rows are written; without its profile."""
        return Tally(
            rows=batch.rows,
            null_scores=batch.null_scores,
            broken=dict(batch.broken),
            nulls=dict(batch.nulls),
            newest=batch.newest,
        )


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of all tallies."""
    return sum(tallies, Tally())


def check_row_counts(tally: Tally, in_input: int) -> None:
    """Check that every row of the input was either scored or quarantined.

    Raises
    ------
    RowCountMismatch
        The counts from three independent places do not agree.
    """
    if not in_input == tally.rows == tally.scored + tally.quarantined:
        raise RowCountMismatch(
            "the books do not balance, so nothing was published",
            expected=f"{counted(in_input, 'row')}, as the input says",
            found=f"{tally.rows} read, {tally.scored} scored, {tally.quarantined} quarantined",
            fix="Score the night again; if it happens twice, the input changed meanwhile.",
        )


def _added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {name: left.get(name, 0) + count for name, count in right.items()}


def _merged(left: Profile | None, right: Profile | None) -> Profile | None:
    if left is None or right is None:
        return right if left is None else left
    return merge_profiles(left, right)
