"""Clean up: files of dead runs after each publication, and old files on request.

A table's folder holds four kinds of files. Active files are never touched. Replaced files are
listed in the log as removed; they are kept for current readers and for `assay retract`. Files of a
held run are kept as long as it can be released, those of a planned run for ``keep_days``, as long
as it can be applied. All others were left by runs that died or were overtaken, or by tasks that
were retried.

Whether a run is dead is decided by turns (`assay.store.delta.log.turn_of`), not by clocks: a run
can be published only at the turn of the partition that it started from. Clocks decide only how long
files of a dead run are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import unquote

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from assay.store import plans
from assay.store.delta import commits, log, upkeep
from assay.store.delta.location import (
    SCRATCH,
    StoreLocation,
    filesystem,
    final_path,
    parse_partition,
    parse_run_id,
    partition_folder,
    translate_errors,
)
from assay.store.delta.tables import APPENDED, PREDICTIONS, QUARANTINE, TABLES
from assay.store.history import read_run_records
from assay.store.runs import Run

if TYPE_CHECKING:
    from deltalake import DeltaTable


GRACE = timedelta(days=1)
"""How long files of dead runs are kept: a task that outlives its run may still write some."""

UNNAMED = re.compile(r"#\d+$")
"""How delta-rs calls a file of a folder until it is whole."""


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
    dead = [
        each
        for table in (PREDICTIONS, QUARANTINE, SCRATCH)
        for each in find_unused_files(place, table, limit, partition)
        if each.kind == "dead"
    ]
    return delete_files(place, dead)


def vacuum(
    place: StoreLocation, keep_days: int, dry_run: bool = False, now: datetime | None = None
) -> list[VacuumResult]:
    """Delete files that no reader can need, and merge small files of append-only tables.

    Files of dead runs are deleted after a day. Replaced versions, and files of runs that recorded
    no end, are deleted after ``keep_days``, counted from when they were replaced or written. Held
    runs that can be released are kept.

    Parameters
    ----------
    keep_days
        At least 1, to protect current readers.
    dry_run
        Only report what would be done.
    """
    at = now or datetime.now(UTC)
    done = []
    for table in (*TABLES, SCRATCH):
        merged = _merge(place, table, dry_run)
        old = find_unused_files(place, table, at - GRACE)
        dead = [each for each in old if _too_old(each, at, keep_days)]
        if not dry_run:
            dead = delete_files(place, dead)
            _shorten(place, table)
        replaced = sum(each.kind == "replaced" for each in dead)
        size = sum(each.size for each in dead)
        done.append(VacuumResult(table, replaced, len(dead) - replaced, size, merged))
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
            return sum(len(group.files) for group in upkeep.small_files(table))
        return upkeep.merge_files(uri, table)

    return (
        commits.retry_on_conflict(uri, "its files cannot be merged", merge)
        if name in APPENDED
        else 0
    )


def _shorten(place: StoreLocation, name: str) -> None:
    """Write a checkpoint, and delete log entries older than the store's retention."""
    uri = place.table_uri(name)
    wanted = commits.table_properties(place.keep_days)

    def shorten(table: DeltaTable | None) -> None:
        if table is None:
            return
        has = table.metadata().configuration
        if any(has.get(key) != value for key, value in wanted.items()):
            table.alter.set_table_properties(wanted)
        upkeep.shorten(uri, table)

    commits.retry_on_conflict(uri, "its log cannot be shortened", shorten)


AT_A_TIME = 500
"""Files that are deleted between two checks of which files are active."""

Kind: TypeAlias = Literal["replaced", "dead", "doubtful"]


@dataclass(frozen=True, slots=True)
class UnusedFile:
    """A file that may be deleted.

    Attributes
    ----------
    path
        Relative to its table.
    kind
        ``replaced``: it was visible once. ``dead``: its run is over, or it never belonged to one.
        ``doubtful``: its run recorded no end and was not overtaken.
    since
        When it was replaced; when it was written if it was never visible.
    """

    table: str
    path: str
    size: int
    kind: Kind
    since: datetime


@dataclass(frozen=True)
class PartitionRuns:
    """The states of a partition's runs, given the partition's turn."""

    turn: int
    records: Mapping[str, Run]

    def is_publishable(self, run_id: str | None) -> bool:
        """Whether the run could still be published."""
        record = self.records.get(run_id or "")
        if record is None:
            return True
        unbeaten = record.base is None or record.base >= self.turn
        return unbeaten and record.event != "failed"

    def kind(self, run_id: str | None) -> Kind | None:
        """The kind of an inactive file of the run; None if the file has to stay."""
        if not self.is_publishable(run_id):
            return "dead"
        record = self.records.get(run_id or "")
        return None if record is not None and record.event == "held" else "doubtful"


def find_unused_files(
    place: StoreLocation, table: str, older_than: datetime, partition: str | None = None
) -> list[UnusedFile]:
    """The files of a table, or of one of its partitions, that no reader needs.

    A partition whose visible run changes during the check is skipped, as its state would be
    inconsistent.

    Parameters
    ----------
    older_than
        Files written since then are left alone.
    """
    predictions = place.table_uri(PREDICTIONS)
    uri = place.table_uri(table)
    every = list_files(place, table, partition)
    listed = [(path, info) for path, info in every if info.mtime < older_than]
    if not listed:
        return []
    # In this order, a file that is replaced meanwhile is seen as active or as removed.
    before = log.open_table(predictions)
    if before is not None:  # one that a writer of this process cannot take in the meantime
        before = log.open_table(predictions, before.version())
    active, is_table = _active(place, table)
    gone = read_tombstones(uri) if is_table else {}
    known = {record.run_id: record for record in read_run_records(place, partition)}
    known |= plans.protected(place, known, datetime.now(UTC))
    after = log.open_table(predictions)
    fates = _Fates(before, after, known)
    return list(_judged(table, listed, active, gone, fates))


def _active(place: StoreLocation, table: str) -> tuple[set[str], bool]:
    """The active files, and whether there is a table at all."""
    opened = None if table == SCRATCH else log.open_table(place.table_uri(table))
    return (set(), False) if opened is None else (log.active_paths(opened), True)


class _Fates:
    """The fate of each partition, computed once; None if the partition changed during the check."""

    def __init__(
        self,
        before: DeltaTable | None,
        after: DeltaTable | None,
        known: Mapping[str, Run],
    ) -> None:
        self._snapshots, self.known = (before, after), known
        self._fates: dict[str, PartitionRuns | None] = {}

    def of(self, partition: str) -> PartitionRuns | None:
        if partition not in self._fates:
            before, after = (
                0 if table is None else log.turn_of(table, partition) for table in self._snapshots
            )
            self._fates[partition] = PartitionRuns(after, self.known) if before == after else None
        return self._fates[partition]


def _judged(
    table: str,
    listed: Iterable[tuple[str, pafs.FileInfo]],
    active: set[str],
    gone: Mapping[str, datetime],
    fates: _Fates,
) -> Iterator[UnusedFile]:
    for path, info in listed:
        if path in active:
            continue
        if path in gone:
            yield UnusedFile(table, path, info.size, "replaced", gone[path])
            continue
        run_id = path.partition("/")[0] if table == SCRATCH else parse_run_id(final_path(path))
        record = fates.known.get(run_id or "")
        partition = parse_partition(path)[1] if record is None else record.partition
        fate = fates.of(partition)
        kind = None if fate is None else fate.kind(run_id)
        if table == SCRATCH and fate is not None and kind is None:
            kind = "dead"  # the rows of a held or planned run are waited for, its work is done
        if kind is not None:
            yield UnusedFile(table, path, info.size, kind, info.mtime.astimezone(UTC))


def list_files(
    place: StoreLocation, table: str, partition: str | None
) -> list[tuple[str, pafs.FileInfo]]:
    """All files in a table's folder, or in that of one partition, except those of its log.

    Of the log those that a killed writer never gave their names.
    """
    uri = place.table_uri(table)
    with translate_errors(uri, "cannot be listed"):
        system, base = filesystem(uri)
        part = partition is not None and table != SCRATCH
        within = f"{base}/{partition_folder(place.column, partition or '')}" if part else base
        chosen = pafs.FileSelector(within, recursive=True, allow_not_found=True)
        infos = system.get_file_info(chosen)
    listed = [
        (info.path.removeprefix(base).lstrip("/"), info)
        for info in infos
        if info.type == pafs.FileType.File
    ]
    return [
        (path, info) for path, info in listed if not path.startswith("_") or UNNAMED.search(path)
    ]


def delete_files(place: StoreLocation, files: Sequence[UnusedFile]) -> list[UnusedFile]:
    """Delete files, except those that are active again (`assay retract` can do that).

    Returns
    -------
    list of Leftover
        The files that are gone, including any that someone else deleted first.

    Raises
    ------
    StoreError
        At the first file that cannot be deleted.
    """
    done = []
    for start in range(0, len(files), AT_A_TIME):
        some = files[start : start + AT_A_TIME]
        active = {
            table: _active(place, table)[0] for table in sorted({file.table for file in some})
        }
        for file in some:
            if file.path not in active[file.table]:
                where = f"{place.table_uri(file.table)}/{file.path}"
                with translate_errors(where, "cannot be deleted"), suppress(FileNotFoundError):
                    system, path = filesystem(where)
                    system.delete_file(path)
                done.append(file)
    return done


_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint.*\.parquet")


def read_tombstones(uri: str) -> dict[str, datetime]:
    """The files that the log lists as removed: path relative to the table, and time of removal.

    Files that were added again later are left out. The log drops a removed file some time after its
    removal: see `Place.keep_days`.
    """
    with translate_errors(uri, "its log cannot be read"):
        system, path = filesystem(uri)
        return _removed(system, f"{path}/_delta_log")


def _removed(system: pafs.FileSystem, folder: str) -> dict[str, datetime]:
    infos = system.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    names = sorted(info.base_name for info in infos)
    checkpoints = _numbered(_CHECKPOINT, names)
    last = max((number for number, _ in checkpoints), default=-1)
    removed: dict[str, datetime] = {}
    for number, name in checkpoints:
        if number == last:
            with system.open_input_file(f"{folder}/{name}") as source:
                table = pq.read_table(source, columns=["remove"])
            gone = table.filter(table.column("remove").is_valid()).column("remove")
            removed.update(_since(gone.to_pylist()))
    for number, name in _numbered(_COMMIT, names):
        if number > last:
            with system.open_input_stream(f"{folder}/{name}") as source:
                actions = [json.loads(line) for line in source.read().splitlines() if line]
            for action in actions:
                if "add" in action:
                    removed.pop(unquote(action["add"]["path"]), None)
            removed.update(_since(each["remove"] for each in actions if "remove" in each))
    return removed


def _numbered(pattern: re.Pattern[str], names: Iterable[str]) -> list[tuple[int, str]]:
    matches = [(pattern.fullmatch(name), name) for name in names]
    return [(int(match[1]), name) for match, name in matches if match]


def _since(actions: Iterable[dict[str, Any]]) -> Iterator[tuple[str, datetime]]:
    for action in actions:
        at = (action.get("deletionTimestamp") or 0) / 1000
        yield unquote(action["path"]), datetime.fromtimestamp(at, UTC)
