"""Commit changes to a table, one at a time, each planned on the newest version."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pyarrow as pa

from assay.errors import StoreError, StoreOfAnother
from assay.store.delta import fsync, log, upkeep
from assay.store.delta.location import StagedFile, StoreLocation, storage_options, translate_errors
from assay.store.delta.tables import (
    APPENDED,
    PREDICTIONS,
    RUNS,
    check_schema,
    small_schema,
    to_delta_schema,
)

if TYPE_CHECKING:
    from deltalake import DeltaTable

Done = TypeVar("Done")

ATTEMPTS = 12
"""How many times a commit is tried when other writers commit first."""


@dataclass(frozen=True, slots=True)
class CommitTarget:
    """The partitions of a table that a commit changes."""

    place: StoreLocation
    table: str
    schema: pa.Schema
    partitions: Sequence[str]

    @property
    def uri(self) -> str:
        return self.place.table_uri(self.table)

    @property
    def column(self) -> str:
        return self.place.column

    @property
    def partition_by(self) -> list[str]:
        """The partition column, if the table is stored by it."""
        small = APPENDED.get(self.table)
        return [self.column] if small is None or small.partitioned else []


@dataclass(frozen=True, slots=True)
class CommitChange:
    """What a commit does.

    Attributes
    ----------
    facts
        What the commit keeps of each partition: see `facts_of`.
    turns
        The turns of partitions after it.
    forgotten
        Run -> how many of its rows were taken out of its files in all (`log.forgotten_rows`).
    barred
        Runs that cannot be published from now on (`log.barred`).
    blind
        Whether it may follow any version, as it adds files whatever there is.
    """

    add: Sequence[StagedFile]
    remove: Sequence[StagedFile]
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    turns: Mapping[str, int] = field(default_factory=dict)
    forgotten: Mapping[str, int] = field(default_factory=dict)
    barred: Sequence[str] = ()
    blind: bool = False


Plan: TypeAlias = Callable[[Mapping[str, log.PartitionView]], CommitChange | None]
"""Computes the change from the current state of each partition; None for no change. Called once per
attempt."""

MANY = "partitions"
"""The key of a commit's metadata under which it keeps the facts of several partitions, as JSON."""


def facts_of(entry: Mapping[str, Any], partition: str) -> dict[str, Any] | None:
    """What a commit keeps of a partition, with the commit's own metadata; None if nothing.

    Parameters
    ----------
    entry
        Of the table's history. The facts of a single partition are keys of their own there, so
        that any tool shows them.
    """
    if MANY not in entry:
        return dict(entry) if entry.get("partition") == partition else None
    facts = json.loads(entry[MANY]).get(partition)
    return None if facts is None else {**entry, **facts}


def _metadata(facts: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    of_each = {name: {**kept, "partition": name} for name, kept in facts.items()}
    if len(of_each) == 1:
        return next(iter(of_each.values()))
    return {MANY: json.dumps(of_each, separators=(",", ":"))} if of_each else {}


def table_properties(keep_days: int) -> dict[str, str]:
    """What a table's log keeps: removed files and old versions for so many days; no statistics.

    The least and the greatest value of a column are those of somebody, and the log would keep them
    longer than the file. Nothing reads them here.
    """
    kept = f"interval {keep_days} days"
    return {
        "delta.logRetentionDuration": kept,
        "delta.deletedFileRetentionDuration": kept,
        "delta.dataSkippingNumIndexedCols": "0",
    }


def commit(target: CommitTarget, plan: Plan, merge: bool = False) -> bool:
    """Change the active files of partitions in one commit; creates the table if it is missing.

    If an overwrite was planned on an old version, delta-rs still commits it after someone else's
    overwrite, and both stay: two copies of every row. So each attempt plans on the newest version
    and may only become the version right after it, if it is not blind.

    Parameters
    ----------
    merge
        As of `upkeep.tend`.

    Returns
    -------
    bool
        False if there was nothing to change.

    Raises
    ------
    StoreError
        If the table cannot be written, or other writers committed first in every attempt.
    """
    from deltalake.exceptions import DeltaError

    uri, place = target.uri, target.place
    for attempt in range(ATTEMPTS):
        back_off(attempt)
        opened = log.open_to_write(uri)
        if opened is None and place.model and target.table != RUNS:
            _own_store(place)
        if opened is not None:
            require_model(place, opened.metadata().name)
            new = check_schema(opened, target.schema, target.partition_by)
            if new:
                _add_columns(uri, opened, new)
                continue
        turns = target.table == PREDICTIONS
        change = plan(log.partition_views(opened, target.column, target.partitions, turns))
        if change is None:
            if opened is not None or target.table in APPENDED:
                return False
            change = CommitChange((), ())
        if not change.blind:
            fsync.sync_files(uri, change.add)
        before = None if opened is None else opened.version()
        try:
            _commit(target, opened, change)
        except (DeltaError, OSError):
            # If the table has a new version, another writer was first: plan again.
            if version_of(uri) == before:
                with translate_errors(uri, "cannot be written"):
                    raise
        else:
            now = fsync.sync_commits(uri, before, change.add if change.blind else ())
            if opened is not None and before is not None:
                upkeep.tend(uri, opened, before, now, merge)
            return True
    raise StoreError(
        "could not be committed to",
        where=uri,
        found=f"other writers committed first, {ATTEMPTS} times in a row",
        fix="Run again; nothing became visible.",
    )


def _own_store(place: StoreLocation) -> None:
    """Make the table of runs, whose maker owns the store, before any other table of it."""
    runs = log.open_table(place.table_uri(RUNS))
    if runs is not None:
        require_model(place, runs.metadata().name)
        return
    target = CommitTarget(place, RUNS, small_schema(RUNS, place.column), ())
    commit(target, lambda _: CommitChange((), ()))


def require_model(place: StoreLocation, owner: str | None) -> None:
    """Refuse a store, or a table of it, that belongs to another model; None belongs to nobody yet.

    Raises
    ------
    StoreOfAnother
        ``owner`` is another model than that of the project.
    """
    if place.model and owner and owner != place.model:
        raise StoreOfAnother(
            f"the store belongs to the model {owner}",
            where=place.uri,
            expected=f"a store of {place.model}, or a new one",
            fix="Name another under store in params.yaml: a store holds the nights of one model.",
        )


def _add_columns(uri: str, table: DeltaTable, new: Sequence[pa.Field]) -> None:
    """Give a table columns, which are null in the rows that it has; a writer may be faster."""
    from deltalake import Schema
    from deltalake.exceptions import DeltaError

    before = table.version()
    try:
        table.alter.add_columns(
            Schema.from_arrow(pa.schema(new)).fields,
            post_commithook_properties=upkeep.post_commit_hooks(),
        )
    except (DeltaError, OSError):
        if version_of(uri) == before:
            with translate_errors(uri, "cannot be given its new columns"):
                raise
    fsync.sync_commits(uri, before)


def back_off(attempt: int) -> None:
    """Back off before a retry, randomly and longer each time; no wait before the first attempt."""
    if attempt:
        time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))


def retry_on_conflict(uri: str, what: str, act: Callable[[DeltaTable | None], Done]) -> Done:
    """Retry a table operation that delta-rs aborts when others commit at the same time.

    Parameters
    ----------
    act
        Gets the table at its newest version, None if there is none; called once per attempt.

    Raises
    ------
    StoreError
        With ``what`` as its message, if it fails while nobody else commits, or in every attempt.
    """
    for attempt in range(ATTEMPTS):
        back_off(attempt)
        opened = log.open_to_write(uri)
        before = None if opened is None else opened.version()
        try:
            with translate_errors(uri, what):
                return act(opened)
        except StoreError:
            if attempt == ATTEMPTS - 1 or version_of(uri) == before:
                raise
    raise AssertionError("the last attempt returns or raises")


def version_of(uri: str) -> int | None:
    """The newest version of a table, None if there is no table."""
    table = log.open_table(uri)
    return None if table is None else table.version()


def _commit(target: CommitTarget, table: DeltaTable | None, change: CommitChange) -> None:
    from deltalake import CommitProperties, Schema, Transaction
    from deltalake.transaction import RemoveAction, create_table_with_add_actions

    now = int(time.time() * 1000)
    by, schema = target.partition_by, Schema.from_arrow(to_delta_schema(target.schema))
    added = [_add(file, by, now) for file in change.add]
    turns = [Transaction(log.turn_app_id(name), turn) for name, turn in change.turns.items()]
    turns += [Transaction(log.FORGOTTEN + run, many) for run, many in change.forgotten.items()]
    turns += [Transaction(log.BARRED + run, 1) for run in ("", *change.barred) if change.barred]
    properties = CommitProperties(
        custom_metadata=_metadata(change.facts),
        max_commit_retries=None if change.blind else 0,
        app_transactions=turns,
    )
    if table is None:
        create_table_with_add_actions(
            target.uri,
            schema,
            added,
            mode="error",
            partition_by=by,
            name=target.place.model or None,
            configuration=table_properties(target.place.keep_days),
            storage_options=storage_options(target.uri),
            commit_properties=properties,
        )
        return
    removed = [
        RemoveAction(file.path, True, now, file.size, dict.fromkeys(by, file.partition))
        for file in change.remove
    ]
    # "append", because the files to remove are listed one by one instead of found by a filter.
    table.create_write_transaction(
        [*removed, *added],
        "append",
        schema,
        by,
        commit_properties=properties,
        post_commithook_properties=upkeep.post_commit_hooks(),
    )


def _add(file: StagedFile, by: Sequence[str], now: int) -> Any:
    from deltalake.transaction import AddAction

    stats = json.dumps({"numRecords": file.rows})
    return AddAction(file.path, file.size, dict.fromkeys(by, file.partition), now, True, stats)
