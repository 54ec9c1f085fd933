"""Builds the files of a replay: the visible run's files plus the repaired rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assay.columns.profile import merge_profiles
from assay.contract.columns import Columns
from assay.contract.text_parser import parse_rows
from assay.errors import ContractBroken
from assay.model.batch import ScoredBatch, score_batch
from assay.project.text import counted, mark_blanks
from assay.registry.pin import PinnedVersion
from assay.score.duplicate_keys import hash_keys
from assay.score.operations.repair_file import quarantine_id
from assay.score.output import Lineage, add_lineage
from assay.store import RunEvent, StagedFile, StagedRun, Store, history, write_part
from assay.store.delta import log
from assay.store.delta.location import filesystem
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, Staged

Texts = Mapping[str, Mapping[str, str | None]]


def check_quarantine_ids(store: Store, partition: str, wanted: Texts, where: Path) -> None:
    """Check that each repaired row is a quarantined row of the published run.

    Raises
    ------
    ContractBroken
        Naming the first that is not.
    """
    known: set[str] = set()
    for batch in store.quarantine_batches(partition, ["row"]):
        known.update(quarantine_id(row) for row in batch.column(0).to_pylist())
    strange = [each for each in wanted if each not in known]
    if strange:
        raise ContractBroken(
            f"{len(strange)} of {len(wanted)} rows are none that were refused",
            where=str(where),
            expected=f"rows in quarantine on {partition}",
            found=f"_row {strange[0]}",
            fix="Export the night's quarantine again and repair those rows.",
        )


def score_repaired(pinned: PinnedVersion, wanted: Texts) -> ScoredBatch:
    """Score the repaired rows with the usual scoring function, in the order of ``wanted``."""
    texts = pa.table(
        {
            name: pa.array([row[name] for row in wanted.values()], pa.string())
            for name in pinned.contract.columns
        }
    )
    rows, unread = parse_rows(pinned.contract, texts)
    return score_batch(pinned.bundle, pinned.contract, rows, unread=unread)


def check_keys(store: Store, partition: str, scored: ScoredBatch, where: Path) -> None:
    """Check that no repaired row has the key of another one, or of a row already scored.

    Raises
    ------
    ContractBroken
        Naming the first duplicate key.
    """
    contract = scored.columns.contract
    names = list(contract.keys)
    own = scored.predictions.select(names)
    keys = _tuples(own)
    twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
    wanted = hash_keys(Columns(contract, own))
    for batch in store.prediction_batches(partition, names):
        hit = np.isin(hash_keys(Columns(contract, batch)), wanted)
        if hit.any():
            twice |= set(_tuples(batch.filter(pa.array(hit)))) & set(keys)
    if twice:
        key = ", ".join(
            f"{name}={mark_blanks(value)}" for name, value in zip(names, min(twice), strict=True)
        )
        raise ContractBroken(
            f"{counted(len(twice), 'key')} would be there twice",
            where=str(where),
            found=key,
            fix="A row is scored once: repair its key, or leave it out.",
        )


def stage_replay(
    store: Store, begun: RunEvent, stamp: Lineage, scored: ScoredBatch, good: Collection[str]
) -> StagedRun:
    """The staged run that publishes the night with the repaired rows.

    Parameters
    ----------
    begun
        The replay's ``started`` event.
    good
        The marks of the rows that leave the quarantine.
    """
    partition = begun.partition
    shown = history.require_visible_run(store, partition)
    predictions = [
        _copied(store, PREDICTIONS, file, begun.run_id, number)
        for number, file in enumerate(shown.predictions)
    ]
    schema = _schema(store, PREDICTIONS)
    if scored.predictions.num_rows:
        path = store.part_path_for(PREDICTIONS, partition, begun.run_id, "repaired")
        rows = add_lineage(scored.predictions, schema, stamp)
        predictions.append(write_part(store.table_uri(PREDICTIONS), path, rows))
    before = store.profile(shown.run_id, partition)
    facts = {
        name: getattr(begun, name)
        for name in ("run_id", "name", "version", "bundle", "contract", "input")
    }
    return StagedRun(
        run_id=begun.run_id,
        partition=partition,
        facts=facts,
        predictions=tuple(predictions),
        quarantine=_rest(store, partition, begun.run_id, good),
        profile=merge_profiles(before, scored.profile),
        predictions_schema=schema,
        quarantine_schema=_schema(store, QUARANTINE),
        base=begun.base or 0,
    )


def _schema(store: Store, table: Staged) -> pa.Schema:
    """The table's columns without the partition column, which is in the folder's name."""
    whole = log.schema_of(store.table_uri(table))
    return whole.remove(whole.get_field_index(store.column))


def _copied(store: Store, table: Staged, file: StagedFile, run_id: str, number: int) -> StagedFile:
    path = store.part_path_for(table, file.partition, run_id, f"copy.{number:05d}")
    system, base = filesystem(store.table_uri(table))
    system.copy_file(f"{base}/{file.path}", f"{base}/{path}")
    return StagedFile(path, file.size, file.rows, file.partition)


def _rest(
    store: Store, partition: str, run_id: str, good: Collection[str]
) -> tuple[StagedFile, ...]:
    """The quarantine without the rows that leave it."""
    kept = [batch for batch in _kept(store, partition, good) if batch.num_rows]
    if not kept:
        return ()
    path = store.part_path_for(QUARANTINE, partition, run_id, "rest")
    rows = pa.Table.from_batches(kept).drop_columns([store.column])
    return (write_part(store.table_uri(QUARANTINE), path, rows),)


def _kept(store: Store, partition: str, good: Collection[str]) -> Iterator[pa.RecordBatch]:
    # Of several identical rows only one leaves.
    leave = set(good)
    for batch in store.quarantine_batches(partition):
        stays = []
        for row in batch.column("row").to_pylist():
            stays.append(quarantine_id(row) not in leave)
            leave.discard(quarantine_id(row))
        yield batch.filter(pa.array(stays, pa.bool_()))


def _tuples(rows: pa.RecordBatch | pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows.to_pylist()]
