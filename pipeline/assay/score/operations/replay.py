"""``assay quarantine replay``: score repaired rows with the version that scored their night.

A replay is a run of its own. It publishes the night again: the previous run's files unchanged, one
more file with the repaired rows, and the quarantine without them. Each row keeps the id of the run
that scored it. The replay's event records who did it, and why.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assay.columns.moved_scores import counts_of
from assay.columns.profile import merge_profiles
from assay.contract.columns import Columns
from assay.contract.text_parser import parse_rows
from assay.errors import ContractBroken, RowCountMismatch, RunUnknown
from assay.model import reasons
from assay.model.batch import ScoredBatch, score_batch
from assay.project.params import Params
from assay.project.text import counted, mark_blanks
from assay.registry.git import user_with_reason
from assay.registry.pin import PinnedVersion, pin_run
from assay.score.duplicate_keys import hash_keys
from assay.score.operations import quarantine
from assay.score.operations.quarantine import quarantine_id
from assay.score.row_reasons import RowReasons, one_row_of
from assay.score.run import new_run
from assay.score.scoring_job import add_lineage
from assay.store import Run, StagedFile, StagedRun, Store, history, open_store, write_part
from assay.store.delta import log
from assay.store.delta.location import filesystem
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, Staged


@dataclass(frozen=True)
class ReplayReport:
    """The result of a replay; ``still_broken`` rows stay in quarantine."""

    partition: str
    run_id: str
    replaces: str
    version: str
    merged: int
    still_broken: int
    broken: dict[str, int]


def run(root: Path, params: Params, partition: str, rows: Path, because: str) -> ReplayReport:
    """Score repaired rows and publish their night with them.

    A row that still breaks the contract stays in quarantine unchanged. The night is published in
    one commit; a failure before it changes nothing.

    Raises
    ------
    RunUnknown
        No run of the night is published.
    BundleChanged
        The registered version's bundle is not the one that scored the night.
    """
    quarantine.file_format(rows, "--rows")
    started = time.monotonic()
    by = user_with_reason(root, because)
    store = open_store(root, params)
    turn = store.turn(partition)
    before = store.published_run(partition)
    if before is None:
        raise RunUnknown(
            "nothing is published there", where=f"night {partition}", fix="Score the night first."
        )
    pinned = pin_run(root, params, before)
    wanted = quarantine.read(rows, pinned.contract.columns)
    check_quarantine_ids(store, partition, wanted, rows)
    scored = score_repaired(pinned, wanted)
    check_keys(store, partition, scored, rows)
    begun = replace(
        new_run(params.name, partition, turn, pinned),
        contract=before.contract,
        input=before.input,
        carrier="replay",
        by=by,
        because=because,
    )
    store.append_run_events(begun)
    good = [mark for mark, bad in zip(wanted, scored.bad, strict=True) if not bad]
    staged = stage_replay(store, begun, scored, frozenset(good), _reasons(params, pinned, before))
    good_rows = sum(file.rows for file in staged.predictions)
    refused = sum(file.rows for file in staged.quarantine)
    _check_counts(before, good_rows, refused)
    store.publish_run(staged)
    done = ReplayReport(
        partition=partition,
        run_id=begun.run_id,
        replaces=before.run_id,
        version=before.version,
        merged=len(good),
        still_broken=len(wanted) - len(good),
        broken=dict(scored.broken),
    )
    store.append_run_events(
        begun.then(
            "published",
            f"replay: {counted(done.merged, 'repaired row')} merged into run {before.run_id}",
            seconds=time.monotonic() - started,
            rows_read=before.rows_read,
            rows_scored=good_rows,
            rows_quarantined=refused,
        )
    )
    return done


def _check_counts(before: Run, scored: int, quarantined: int) -> None:
    """Check that no row was lost: none is read again, some move out of quarantine."""
    if before.rows_read != scored + quarantined:
        raise RowCountMismatch(
            "the books do not balance, so nothing was published",
            where=f"night {before.partition}",
            expected=f"{counted(before.rows_read, 'row')}, as when the night was scored",
            found=f"{scored} scored, {quarantined} quarantined",
        )


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


def _reasons(params: Params, pinned: PinnedVersion, before: Run) -> RowReasons | None:
    """What explains repaired rows, as the other rows of their night; None if nobody asks for it."""
    if params.score.reasons is None:
        return None
    explainer, every = reasons.explainer_of(pinned.bundle), one_row_of(before.rows_read or 0)
    return RowReasons(explainer, pinned.bundle, pinned.contract, params.score.reasons, every)


def stage_replay(
    store: Store,
    begun: Run,
    scored: ScoredBatch,
    good: Collection[str],
    explained: RowReasons | None = None,
) -> StagedRun:
    """The staged run that publishes the night with the repaired rows.

    Parameters
    ----------
    begun
        The replay's ``started`` event.
    good
        The marks of the rows that leave the quarantine.
    explained
        Gives the repaired rows their reasons, if the night's other rows have some.
    """
    partition = begun.partition
    shown = history.require_visible_run(store, partition)
    predictions = [
        _copied(store, PREDICTIONS, file, begun.run_id, number)
        for number, file in enumerate(shown.predictions)
    ]
    schema = _schema(store, PREDICTIONS)
    before, more = store.profile(shown.run_id, partition), dict(scored.profile)
    if explained is not None and counts_of(before):
        rows, moved = explained.explain(scored)
        scored, more = replace(scored, predictions=rows), {**more, **moved}
    if scored.predictions.num_rows:
        path = store.part_path_for(PREDICTIONS, partition, begun.run_id, "repaired")
        rows = add_lineage(scored.predictions, schema, begun)
        predictions.append(write_part(store.table_uri(PREDICTIONS), path, rows))
    # Contributions that are not counted of repaired rows are still those of a sample.
    merged = merge_profiles({name: before[name] for name in more}, more)
    return StagedRun(
        run=begun,
        predictions=tuple(predictions),
        quarantine=_rest(store, partition, begun.run_id, good),
        profile={**before, **merged},
        predictions_schema=schema,
        quarantine_schema=_schema(store, QUARANTINE),
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
