"""Delete the rows of some keys from every table, from the disk as well.

A file that holds such rows is written again without them, one commit of its night shows the new
one, and the old one is deleted. So are files with such rows that no reader sees: of versions that
were replaced, and of runs that are held, planned, dead or at work. Nobody is left who could bring
the rows back: `release` and `apply` of such a run, and `retract` to one, say that files are gone.

An act is on record, without the keys, from before its first change until it is done. If it is
killed in between, each night is as it was or without the rows, `Store.check` tells of the act, and
doing it again completes it.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyarrow.parquet as pq
from pyarrow.fs import FileType

from assay.errors import StoreError
from assay.store import plans, rewrite
from assay.store.delta import log, rows
from assay.store.delta.location import (
    SCRATCH,
    StagedFile,
    StoreLocation,
    filesystem,
    parse_partition,
    parse_run_id,
    translate_errors,
)
from assay.store.delta.tables import FORGOTTEN, LABELS, PRIVATE, QUARANTINE
from assay.store.history import read_run_records
from assay.store.key_rows import ROW, KeyRows
from assay.store.vacuum import (
    GRACE,
    UnusedFile,
    delete_files,
    find_unused_files,
    list_files,
    read_tombstones,
)


@dataclass
class Forgotten:
    """What was deleted, or would be.

    Attributes
    ----------
    rows
        Table -> rows that readers saw.
    nights
        Those whose visible rows had such a key.
    touched
        Those with a file, visible or not, that had one.
    rewritten
        Files that readers see, by table and path, of which rows remained or a file has to.
    deleted
        Files that were deleted: those that were written again, and those that no reader saw.
    unusable
        Runs that could have been released or applied, whose files had such rows.
    waiting
        Files that cannot be looked into, of runs that may be at work, and files of labels that may
        be about to be added, by table and path: they are deleted if they are a day old when rows
        are forgotten the next time.
    known
        The numbers of the keys that some row had.
    resumed
        Whether an act that was killed is done now.
    """

    rows: Counter[str] = field(default_factory=Counter)
    nights: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    rewritten: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    unusable: set[str] = field(default_factory=set)
    waiting: list[str] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    resumed: bool = False

    def counts(self) -> dict[str, int]:
        """What is kept of it."""
        files = {"files_rewritten": len(self.rewritten), "files_deleted": len(self.deleted)}
        return {**{f"{name}_rows": n for name, n in sorted(self.rows.items())}, **files}


def forget(
    place: StoreLocation,
    keys: KeyRows,
    by: str,
    because: str,
    dry: bool = False,
    allowed: Callable[[Iterable[str]], None] = lambda nights: None,
) -> Forgotten:
    """Delete all rows of some keys; with ``dry`` nothing is changed.

    Parameters
    ----------
    by, because
        For the record, which has no key.
    allowed
        Raises if rows of these nights are to be kept; asked before anything is changed.

    Raises
    ------
    StoreError
        Another engine hides rows in files of a table; a file cannot be read or written. What is
        done by then is done, and doing it again goes on.
    """
    rewrite.check_features(place)
    done, seen, halves = Forgotten(), set[str](), dict[str, UnusedFile]()
    begun = [act for act in unfinished_acts(place) if act.is_of(keys)]
    done.resumed = bool(begun) and not dry
    # Until nothing is new: a run or a merge may have written rows while others were looked at.
    while affected := list(_look(place, keys, seen, halves)):
        allowed(each.file.partition for each in affected)
        if not begun and not dry:
            begun = [begin_act(place, keys, by, because)]
        if not dry:
            rewrite.bar(place, ((each.table, each.file) for each in affected))
        for each in affected:
            if not _forget_in(place, keys, each, done, dry):
                seen.discard(f"{each.table}/{each.file.path}")
    if done.deleted or begun:
        _sweep(place, [*halves.values()], done, dry)
    if not dry:
        end_acts(place, begun, done.counts())
    return done


@dataclass(frozen=True)
class _Holder:
    """A file with rows of the keys; ``active`` if readers see it."""

    table: str
    file: StagedFile
    active: bool
    rows: int
    numbers: frozenset[int]


def _look(
    place: StoreLocation, keys: KeyRows, seen: set[str], halves: dict[str, UnusedFile]
) -> Iterator[_Holder]:
    """The files of all tables, among those that were not seen yet, that hold rows of the keys.

    In the order of nights, as a night is whole the sooner. Files that a killed writer left half
    written are added to ``halves``, and those of labels that may be about to be committed.
    """
    asked: list[tuple[str, StagedFile, bool]] = []
    limit, young = datetime.now(UTC) - GRACE, dict[str, UnusedFile]()
    for table in rewrite.TABLES:
        opened = log.open_table(place.table_uri(table))
        files = [] if opened is None else log.partition_files(opened, place.column)
        active = {file.path: file for file in files}
        # Whoever adds labels or merges their files commits without asking who barred it.
        old = read_tombstones(place.table_uri(table)) if table == LABELS and files else {}
        for path, info in list_files(place, table, None):
            name = f"{table}/{path}"
            if name in seen or not info.base_name.split("#")[0].count(".parquet"):
                continue
            seen.add(name)
            since = info.mtime.astimezone(UTC)
            unused = UnusedFile(table, path, info.size, "doubtful", since)
            staged = active.get(path) or _unseen(place, table, path, info.size)
            if staged is None:
                halves[name] = unused
                continue
            asked.append((table, staged, path in active))
            if table == LABELS and path not in active and path not in old and since > limit:
                young[name] = unused
    asked.sort(key=lambda each: each[1].partition)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for each in pool.map(lambda one: _holds(place, keys, *one), asked):
            name = f"{each.table}/{each.file.path}"
            if each.rows and name in young:
                halves[name] = young[name]
                seen.discard(name)
            elif each.rows:
                halves.pop(name, None)
                yield each


def _unseen(place: StoreLocation, table: str, path: str, size: int) -> StagedFile | None:
    """A file that no reader sees; None if it is not whole, so that nobody can look into it."""
    with suppress(StoreError):
        uri = f"{place.table_uri(table)}/{path}"
        with translate_errors(uri, "cannot be read"):
            system, at = filesystem(uri)
            with system.open_input_file(at) as source:
                many = pq.read_metadata(source).num_rows
        return StagedFile(path, size, many, parse_partition(path)[1])
    return None


def _holds(
    place: StoreLocation, keys: KeyRows, table: str, file: StagedFile, active: bool
) -> _Holder:
    many, numbers = 0, set[int]()
    columns = [*keys.columns, *([ROW, PRIVATE] if table == QUARANTINE else [])]
    with _say_if_gone(place, table, file):
        for batch in rows.batches(place, table, [file], columns):
            numbers_of = keys.find(batch)
            many += int((numbers_of >= 0).sum())
            numbers |= {*numbers_of[numbers_of >= 0].tolist()}
    return _Holder(table, file, active, many, frozenset(numbers))


@contextmanager
def _say_if_gone(place: StoreLocation, table: str, file: StagedFile) -> Iterator[None]:
    try:
        yield
    except StoreError:
        uri = f"{place.table_uri(table)}/{file.path}"
        system, path = filesystem(uri)
        if system.get_file_info(path).type != FileType.NotFound:
            raise
        raise StoreError(
            "is gone since it was listed, as if rows are being forgotten or scored by others",
            where=uri,
            fix="Run the same command again; if it ends so again, look at assay fsck.",
        ) from None


def _forget_in(
    place: StoreLocation, keys: KeyRows, holder: _Holder, done: Forgotten, dry: bool
) -> bool:
    """Forget the rows of one file: no reader sees it then, and it is gone.

    False if it is to be looked at again: a reader sees it since it was listed.
    """
    table, file = holder.table, holder.file
    name = f"{table}/{file.path}"
    if holder.active:
        with _say_if_gone(place, table, file):
            shown = dry or rewrite.show_without(
                place, table, file, lambda batch: keys.find(batch) < 0
            )
        if shown:
            done.rows[table] += holder.rows
            done.nights.add(file.partition)
            done.rewritten.append(name)
    else:
        done.unusable |= _could_be_seen(place, parse_run_id(file.path))
    if not dry and not rewrite.delete(place, table, file):
        return False
    done.deleted.append(name)
    done.touched.add(file.partition)
    done.known |= holder.numbers
    return True


def _could_be_seen(place: StoreLocation, run_id: str | None) -> set[str]:
    """The run, if it could have been released or applied."""
    known = {each.run_id: each for each in read_run_records(place, run_id=run_id or "")}
    known |= plans.protected(place, known, datetime.now(UTC))
    run = known.get(run_id or "")
    return {f"{run.partition}, run {run.run_id}"} if run and run.event == "held" else set()


def _sweep(place: StoreLocation, halves: Sequence[UnusedFile], done: Forgotten, dry: bool) -> None:
    """Delete half-written files, and what runs worked with, unless they may be at work."""
    now = datetime.now(UTC)
    for file in [*halves, *find_unused_files(place, SCRATCH, now)]:
        name = f"{file.table}/{file.path}"
        if file.kind == "doubtful" and file.since > now - GRACE:
            done.waiting.append(name)
            continue
        done.deleted.append(name)
        if not dry:
            delete_files(place, [file])


# ---------------------------------- what is on record of it: an append-only table, without the keys


@dataclass(frozen=True)
class ForgetAct:
    """An act of forgetting: who began it, when and why, and what it deleted once it is done.

    Attributes
    ----------
    salt
        Random for each act, hex: two acts about the same key cannot be told to be.
    keys
        Of each key the HMAC-SHA256 under the salt. Who has the key can find the act; so can who
        guesses it, and can read the store.
    done
        Counts of rows and files; None while it is not done.
    """

    act: str
    at: datetime
    salt: str
    keys: tuple[str, ...]
    by: str
    because: str
    done: Mapping[str, int] | None = None

    def is_of(self, keys: KeyRows) -> bool:
        """Whether it is about these keys, or some of them, and no others."""
        return bool(self.keys) and set(self.keys) <= set(_hashes(self.salt, keys))

    def covers(self, keys: KeyRows) -> bool:
        """Whether it is about all these keys."""
        return set(self.keys) >= set(_hashes(self.salt, keys))


def begin_act(place: StoreLocation, keys: KeyRows, by: str, because: str) -> ForgetAct:
    """Record an act before its first change."""
    salt = secrets.token_hex(16)
    made = ForgetAct(
        uuid.uuid4().hex, datetime.now(UTC), salt, tuple(_hashes(salt, keys)), by, because
    )
    _append(place, [made])
    return made


def end_acts(place: StoreLocation, acts: Iterable[ForgetAct], done: Mapping[str, int]) -> None:
    """Record that acts are done, in one commit; of no acts there is none."""
    made = [replace(act, at=datetime.now(UTC), done=done) for act in acts]
    if made:
        _append(place, made)


def record_expired(place: StoreLocation, by: str, because: str, done: Mapping[str, int]) -> None:
    """Record that rows were deleted for their age, so that no key was asked for."""
    _append(place, [ForgetAct(uuid.uuid4().hex, datetime.now(UTC), "", (), by, because, done)])


def read_acts(place: StoreLocation) -> list[ForgetAct]:
    """All acts by their last event."""
    acts: dict[str, ForgetAct] = {}
    # Done comes after begun, even if the clock was set back.
    table = rows.select(place, FORGOTTEN, {}).to_pylist()
    for row in sorted(table, key=lambda row: (row["done"] is not None, row["at"])):
        done = None if row["done"] is None else json.loads(row["done"])
        acts[row["act"]] = ForgetAct(**{**row, "keys": tuple(row["keys"]), "done": done})
    return sorted(acts.values(), key=lambda act: act.at)


def unfinished_acts(place: StoreLocation) -> list[ForgetAct]:
    """Acts that were begun, and not completed."""
    return [each for each in read_acts(place) if each.done is None]


def _append(place: StoreLocation, acts: Iterable[ForgetAct]) -> None:
    made = ({**vars(act), "keys": list(act.keys), "done": _text(act.done)} for act in acts)
    rows.append(place, FORGOTTEN, made)


def _text(done: Mapping[str, int] | None) -> str | None:
    return None if done is None else json.dumps(done)


def _hashes(salt: str, keys: KeyRows) -> list[str]:
    rows_as_text = (
        {name: str(value) for name, value in row.items()} for row in keys.keys.to_pylist()
    )
    texts = (json.dumps(row, sort_keys=True).encode() for row in rows_as_text)
    return [hmac.new(bytes.fromhex(salt), text, "sha256").hexdigest() for text in texts]
