"""Changing a table: one commit at a time, each planned on the newest version."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pyarrow as pa

from assay.errors import StoreError
from assay.store.delta import durable, log
from assay.store.delta.complaints import told
from assay.store.delta.files import StagedFile
from assay.store.delta.place import Place, storage_options
from assay.store.delta.tables import Staged, check_same, storable

if TYPE_CHECKING:
    from deltalake import DeltaTable, PostCommitHookProperties

Done = TypeVar("Done")

ATTEMPTS = 12
"""How often a commit is tried against writers that get there first."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a commit is about: a partition of a table, and what the commit says of itself."""

    place: Place
    table: Staged
    schema: pa.Schema
    partition: str
    metadata: Mapping[str, str]

    @property
    def uri(self) -> str:
        return self.place.table_uri(self.table)

    @property
    def column(self) -> str:
        return self.place.column


@dataclass(frozen=True, slots=True)
class CommitChange:
    """What a commit adds, which active files it removes, and the partition's turn after it."""

    add: Sequence[StagedFile]
    remove: Sequence[StagedFile]
    turn: int | None = None


Plan: TypeAlias = Callable[[log.View], CommitChange | None]
"""What to change, given how things are; None for nothing. It may be asked again and again."""


def retention(keep_days: int) -> dict[str, str]:
    """A table's properties: how long its log remembers what was replaced."""
    kept = f"interval {keep_days} days"
    return {"delta.logRetentionDuration": kept, "delta.deletedFileRetentionDuration": kept}


def commit(target: Target, plan: Plan) -> bool:
    """Change which files of a partition are active in one commit; the first makes the table.

    delta-rs, left to itself, commits an overwrite that was planned on an old version after
    someone else's, and both stay: two copies of every row. So each attempt plans on the
    newest version and may only become the very next one.

    Returns
    -------
    bool
        False if there was nothing to change.

    Raises
    ------
    StoreError
        If the table has other columns, cannot be written, or others kept committing first.
    AssayError
        Whatever ``plan`` raises.
    """
    from deltalake.exceptions import DeltaError

    uri = target.uri
    for attempt in range(ATTEMPTS):
        wait(attempt)
        opened = log.open_table(uri)
        if opened is not None:
            check_same(opened, target.schema, target.column)
        change = plan(log.view(opened, target.column, target.partition))
        if change is not None:
            durable.sync_files(uri, change.add)
        if change is None and opened is not None:
            return False
        before = None if opened is None else opened.version()
        try:
            _commit(target, opened, change or CommitChange((), ()))
        except (DeltaError, OSError):
            # If the table moved on in the meantime, someone else was first: plan again.
            if version_of(uri) == before:
                with told(uri, "cannot be written"):
                    raise
        else:
            durable.sync_commits(uri, before)
            return True
    raise StoreError(
        "could not be committed to",
        where=uri,
        found=f"other writers committed first, {ATTEMPTS} times in a row",
        mend="Run again; nothing became visible.",
    )


def wait(attempt: int) -> None:
    """Give way to other writers before another attempt, longer each time; not before the first."""
    if attempt:
        time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))


def insist(uri: str, what: str, act: Callable[[], Done]) -> Done:
    """Do something to a table that delta-rs gives up if others commit meanwhile, till it is done.

    Raises
    ------
    StoreError
        That ``what`` is the matter, if it fails while nobody else commits, or too often.
    """
    for attempt in range(ATTEMPTS):
        wait(attempt)
        before = version_of(uri)
        try:
            with told(uri, what):
                return act()
        except StoreError:
            if attempt == ATTEMPTS - 1 or version_of(uri) == before:
                raise
    raise AssertionError("the last attempt returns or raises")


def hooks() -> PostCommitHookProperties:
    """What delta-rs does after a commit: checkpoints, but no deleting of what they stand for.

    Nobody has synced those yet; `assay vacuum` does, and then shortens the log.
    """
    from deltalake import PostCommitHookProperties

    return PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


def version_of(uri: str) -> int | None:
    """The newest version of a table, None if there is no table."""
    table = log.open_table(uri)
    return None if table is None else table.version()


def _commit(target: Target, table: DeltaTable | None, change: CommitChange) -> None:
    from deltalake import CommitProperties, Schema, Transaction
    from deltalake.transaction import RemoveAction, create_table_with_add_actions

    now = int(time.time() * 1000)
    column, schema = target.column, Schema.from_arrow(storable(target.schema))
    added = [_add(file, column, now) for file in change.add]
    name = log.turns(target.partition)
    turns = [] if change.turn is None else [Transaction(name, change.turn)]
    properties = CommitProperties(
        custom_metadata=dict(target.metadata), max_commit_retries=0, app_transactions=turns
    )
    if table is None:
        create_table_with_add_actions(
            target.uri,
            schema,
            added,
            mode="error",
            partition_by=[column],
            configuration=retention(target.place.keep_days),
            storage_options=storage_options(target.uri),
            commit_properties=properties,
        )
        return
    removed = [
        RemoveAction(file.path, True, now, file.size, {column: file.partition})
        for file in change.remove
    ]
    # "append" because the files to remove are named one by one, not found by a filter.
    table.create_write_transaction(
        [*removed, *added],
        "append",
        schema,
        [column],
        commit_properties=properties,
        post_commithook_properties=hooks(),
    )


def _add(file: StagedFile, column: str, now: int) -> Any:
    from deltalake.transaction import AddAction

    stats = json.dumps({"numRecords": file.rows})
    return AddAction(file.path, file.size, {column: file.partition}, now, True, stats)
