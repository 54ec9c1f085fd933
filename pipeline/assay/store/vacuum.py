"""Clean up: files of dead runs after each publication, and old files on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from assay.store.delta import commits, merging, upkeep
from assay.store.delta.location import SCRATCH, StoreLocation
from assay.store.delta.tables import (
    DECISIONS,
    LABELS,
    PERFORMANCE,
    PREDICTIONS,
    PROFILES,
    QUARANTINE,
    RUNS,
)
from assay.store.unused_files import UnusedFile, delete_files, find_unused_files

if TYPE_CHECKING:
    from deltalake import DeltaTable

GRACE = timedelta(days=1)
"""How long files of dead runs are kept: a task that outlives its run may still write some."""

APPENDED = (RUNS, PROFILES, LABELS, PERFORMANCE, DECISIONS)
TABLES = (PREDICTIONS, QUARANTINE, PROFILES, RUNS, LABELS, PERFORMANCE, DECISIONS)


@dataclass(frozen=True)
class VacuumResult:
    """What was deleted from a table, or would be.

    Attributes
    ----------
    replaced, left
        Number of files that were visible once, and of files that never were.
    bytes
        Of both.
    merged
        Number of small files that were merged into fewer larger ones.
    """

    table: str
    replaced: int
    left: int
    bytes: int
    merged: int


def delete_dead_files(
    place: StoreLocation, partition: str, now: datetime | None = None
) -> list[UnusedFile]:
    """Delete files of dead runs in a partition that are older than `GRACE`."""
    limit = (now or datetime.now(UTC)) - GRACE
    found = [
        each
        for table in (PREDICTIONS, QUARANTINE, SCRATCH)
        for each in find_unused_files(place, table, limit, partition)
        if each.kind == "dead"
    ]
    return delete_files(place, found)


def vacuum(
    place: StoreLocation, keep_days: int, dry_run: bool = False, now: datetime | None = None
) -> list[VacuumResult]:
    """Delete old files in all partitions; see `Store.vacuum`."""
    at = now or datetime.now(UTC)
    done = []
    for table in (*TABLES, SCRATCH):
        merged = _merge(place, table, dry_run)
        old = find_unused_files(place, table, at - GRACE)
        found = [each for each in old if _too_old(each, at, keep_days)]
        if not dry_run:
            found = delete_files(place, found)
            _shorten(place, table)
        replaced = sum(each.kind == "replaced" for each in found)
        size = sum(each.size for each in found)
        done.append(VacuumResult(table, replaced, len(found) - replaced, size, merged))
    return done


def _too_old(file: UnusedFile, now: datetime, keep_days: int) -> bool:
    kept = GRACE if file.kind == "dead" else timedelta(days=keep_days)
    return file.since < now - kept


def _merge(place: StoreLocation, name: str, dry_run: bool) -> int:
    """Merge the small files of an append-only table; returns how many there were."""
    uri = place.table_uri(name)

    def merge(table: DeltaTable | None) -> int:
        if table is None:
            return 0
        if dry_run:
            return sum(len(group.files) for group in merging.small_files(table))
        return merging.merge_files(uri, table)

    return (
        commits.retry_on_conflict(uri, "its files cannot be merged", merge)
        if name in APPENDED
        else 0
    )


def _shorten(place: StoreLocation, name: str) -> None:
    """Write a checkpoint, and delete log entries older than the store's retention."""
    uri = place.table_uri(name)
    wanted = commits.retention_properties(place.keep_days)

    def shorten(table: DeltaTable | None) -> None:
        if table is None:
            return
        has = table.metadata().configuration
        if any(has.get(key) != value for key, value in wanted.items()):
            table.alter.set_table_properties(wanted)
        upkeep.shorten(uri, table)

    commits.retry_on_conflict(uri, "its log cannot be shortened", shorten)
