"""``assay diff``: which rows differ between two scorings."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.definition import mask
from assay.contract.private_columns import private_columns
from assay.errors import UsageError
from assay.model.prediction import PREDICTION, PROBABILITY
from assay.project import layout
from assay.project.params import Params
from assay.project.tasks import Task
from assay.score.operations import disclosure
from assay.score.operations.changes import (
    SCORED_IN,
    SIDES,
    Changes,
    RowChanges,
    Strongest,
    answer_columns,
    changes_schema,
    pair_by_key,
    spread,
)
from assay.score.operations.disclosure import masked, masked_schema
from assay.score.operations.export import nothing_published, write_rows
from assay.score.operations.export_targets import check_target
from assay.store import Run, RunFiles, Store, open_store
from assay.store.delta.tables import infer_keys_and_task

SHOWN = 10
"""Rows that are shown of those that moved most, each way."""


@dataclass(frozen=True)
class Difference:
    """What differs between two runs.

    Attributes
    ----------
    old, new
        Of one night, the run that started first is the old one.
    thresholds_differ
        Whether the same score is true for one of them and false for the other.
    up, down
        The rows whose score moved most, the strongest first; private keys are masked.
    file, rows_written
        Where all rows that differ are; None if that was not asked for.
    """

    old: dict[str, str]
    new: dict[str, str]
    task: Task
    changes: Changes
    thresholds_differ: bool
    up: list[dict[str, Any]]
    down: list[dict[str, Any]]
    file: str | None
    rows_written: int | None

    def document(self) -> dict[str, Any]:
        counts = vars(self.changes)
        rows = {name: counts[name] for name in ("both", "only_old", "only_new")}
        rows |= {"decided_otherwise": counts["decided"], "up": counts["up"], "down": counts["down"]}
        rows |= {"moved": counts["moved"], "scored_once": counts["once"]}
        more = {name: counts[name] for name in ("largest", "histogram", "scale", "by")}
        return {**vars(self), "rows": rows, "changes": {"mean": self.changes.mean, **more}}


def run(
    root: Path,
    params: Params,
    partition: str,
    other: str | None = None,
    version: str | None = None,
    turn: int | None = None,
    by: float = 0.0,
    out: Path | None = None,
    show_private: str | None = None,
) -> Difference:
    """Compare what readers see of a night with another scoring.

    Parameters
    ----------
    other, version, turn
        One of them: another night; the newest run of this one by a version, held or replaced; or
        the run that readers saw at a turn.
    by
        A score moved if it changed by more.
    out
        A file for all rows whose decision changed or whose score moved, ``.parquet`` or ``.csv``.
    show_private
        Why private keys are to be shown and written; without a reason they are masked.

    Raises
    ------
    UsageError
        Not one of the three is given, or the two runs cannot be compared.
    NothingScored
        Readers see nothing of a night.
    RunUnknown
        There is no such run, or its files are gone.
    KeyUnknown
        A key is that of several rows.
    """
    if [other, version, turn].count(None) != 2:
        raise UsageError(
            "say what the night is compared with",
            where="assay diff",
            expected="one of --with VERSION, --turn N or NIGHT2",
        )
    if out is not None:
        check_target(root, out, "--out")
        if out.suffix not in (".parquet", ".csv"):
            raise UsageError(
                "no such format", where="--out", expected="a name that ends in .parquet or .csv"
            )
    store = open_store(root, params)
    old = published_files(store, partition)
    if other is not None:
        new = published_files(store, other)
    else:
        newest = (
            store.run_of_version(partition, version)
            if version is not None
            else store.run_at_turn(partition, turn or 0)
        )
        # A run whose events are lost has no start; ids are in order only from second to second.
        never = datetime.min.replace(tzinfo=UTC)
        old, new = sorted(
            [old, newest], key=lambda each: (each.run.started_at or never, each.run.run_id)
        )
    if old.run.run_id == new.run.run_id:
        raise UsageError(
            "a run cannot be compared with itself",
            where="assay diff",
            expected="another night, or a turn at which readers did not see the run of now",
            found=f"run {new.run.run_id}, twice",
        )
    keys, task = comparable(store, old, new)
    scale = spread(old.batches(store, [PREDICTION])) if task == "regression" else 1.0
    folded = _Folded(Changes(by=by, scale=scale), Strongest(tuple(keys), SHOWN))
    private = private_columns(root, params) if show_private is None else ()
    disclosure.record(root, store, "diff", partition, show_private)
    rows = folded.rows(paired(store, old, new, root), task)
    written = None
    if out is None:
        deque(rows, maxlen=0)
    else:
        counts: list[int] = []
        schema = masked_schema(changes_schema(old.schema, keys, task), private)
        write_rows(out.suffix[1:], out, schema, masked(rows, private), counts.append)
        (written,) = counts
    return Difference(
        old=_told(store, old.run),
        new=_told(store, new.run),
        task=task,
        changes=folded.changes,
        thresholds_differ=folded.highest_false >= folded.lowest_true,
        up=_shown(folded.strongest.up, keys, private),
        down=_shown(folded.strongest.down, keys, private),
        file=None if out is None else str(out),
        rows_written=written,
    )


def published_files(store: Store, partition: str) -> RunFiles:
    """The files of the run that readers see; errors as for `run`."""
    record = store.published_run(partition)
    if record is None:
        raise nothing_published(store, partition)
    return store.files_of_run(record)


def comparable(store: Store, old: RunFiles, new: RunFiles) -> tuple[list[str], Task]:
    """The keys and the task of two runs.

    Raises
    ------
    UsageError
        They are not the same.
    """
    (old_keys, old_task), (new_keys, new_task) = (
        infer_keys_and_task(each.schema, store.column) for each in (old, new)
    )
    for what, was, now in (
        ("kind of model", old_task, new_task),
        ("key", _words(old_keys), _words(new_keys)),
    ):
        if was != now:
            raise UsageError(
                f"scorings with another {what} cannot be compared",
                where=f"run {new.run.run_id} of {new.run.version}",
                expected=f"{was}, as run {old.run.run_id} of {old.run.version} has",
                found=now,
            )
    return old_keys.names, old_task


def _words(keys: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in keys)


def paired(store: Store, old: RunFiles, new: RunFiles, root: Path) -> Iterator[pa.Table]:
    """The rows of two runs with their answers: see `pair_by_key`; errors as for `comparable`."""
    keys, task = comparable(store, old, new)
    columns = answer_columns(task)
    was, now = (partial(each.batches, store, [*keys, *columns]) for each in (old, new))
    return pair_by_key(was, now, keys, columns, root / layout.WORK / "pairs")


@dataclass
class _Folded:
    """What is known of all rows so far."""

    changes: Changes
    strongest: Strongest
    highest_false: float = -np.inf
    lowest_true: float = np.inf

    def rows(self, tables: Iterable[pa.Table], task: Task) -> Iterator[pa.RecordBatch]:
        """Those to which something happened; each table is added up before they are passed on."""
        for table in tables:
            rows = RowChanges(table, task)
            self.add(rows)
            yield from rows.select(self.changes.by).to_batches()

    def add(self, rows: RowChanges) -> None:
        self.changes = self.changes.merge(Changes.of(rows, self.changes.by, self.changes.scale))
        self.strongest = self.strongest.add(rows)
        if rows.task == "binary":
            for side in SIDES:
                answer, score = (rows.table[f"{side}_{name}"] for name in (PREDICTION, PROBABILITY))
                falses = pc.max(score.filter(pc.invert(answer))).as_py()
                trues = pc.min(score.filter(answer)).as_py()
                self.highest_false = max(self.highest_false, -np.inf if falses is None else falses)
                self.lowest_true = min(self.lowest_true, np.inf if trues is None else trues)


def _shown(table: pa.Table, keys: Sequence[str], private: Collection[str]) -> list[dict[str, Any]]:
    # A key is a mapping, whose numbers are shown as they are: they are names.
    return [
        {"key": mask({name: row.pop(name) for name in keys}, private), **row}
        for row in table.drop_columns([SCORED_IN] if table.num_rows else []).to_pylist()
    ]


def _told(store: Store, run: Run) -> dict[str, str]:
    seen = store.visible_run(run.partition) == run.run_id
    state = "visible" if seen else "replaced" if run.event == "published" else run.event
    return {
        store.column: run.partition,
        "version": run.version,
        "run_id": run.run_id,
        "state": state,
    }
