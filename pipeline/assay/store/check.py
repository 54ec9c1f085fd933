"""Check a store: whether it can be reached, and whether it is damaged.

A power cut, a full disk or a manual change can leave an unreadable commit in a table's log, or a
file that is missing, truncated, changed or swapped. Repair loses no row that can still be read. It
sets an unreadable newest commit aside, drops missing files from the append-only tables, and adds
missing events to ``runs``. A partition whose files are missing has to be scored again with `assay
score`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import StoreError
from assay.project.text import counted
from assay.store import consistency
from assay.store.delta import commits, fsync, log, log_files, rows, upkeep
from assay.store.delta.location import (
    StagedFile,
    StoreLocation,
    filesystem,
    parse_partition,
    parse_run_id,
    translate_errors,
)
from assay.store.delta.tables import (
    APPENDED,
    FORGOTTEN,
    PREDICTIONS,
    PROFILES,
    QUARANTINE,
    RUNS,
    TABLES,
)
from assay.store.forget import unfinished_acts
from assay.store.history import (
    published_run,
    read_partition_view,
    read_run_records,
    visible_runs,
)
from assay.store.release import append_events

if TYPE_CHECKING:
    from deltalake import DeltaTable


ASIDE = ".damaged-"
"""Prefix of files that were set aside. No reader takes such a name for a commit or a data file."""

AFTER_COMMIT = {
    PREDICTIONS: "a night that it published is then scored again by assay score",
    QUARANTINE: "a night whose refused rows it held is then scored again by assay score",
    **{name: table.lost for name, table in APPENDED.items()},
}
"""What follows for each table if its newest commit is set aside."""


@dataclass(frozen=True)
class Damage:
    """One fault of a table: what is wrong, how to repair it, and whether it was repaired."""

    table: str
    what: str
    fix: str
    fixed: bool = False

    def line(self) -> str:
        """The fault and its repair as one line, the same in every command."""
        return f"{self.table}: {self.what}. Fix: {self.fix}"


class StoreDamaged(StoreError):
    """All faults at once; ``mistakes`` holds a line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("; ".join(mistakes))

    def lines(self) -> list[str]:
        return self.mistakes


def check(place: StoreLocation, fix: bool = False) -> list[Damage]:
    """All faults of a store's tables; none for a store that was never written to.

    Parameters
    ----------
    fix
        Repair what can be repaired.
    """
    found: list[Damage] = []
    profiled = set[str]()
    for table in TABLES:
        of_log = list(_log(place, table, fix))
        found += of_log
        if all(each.fixed for each in of_log):
            found += _files(place, table, fix, profiled)
    # If profiles cannot be read, that is already reported; still check everything else.
    whole = all(each.fixed for each in found if each.table == PROFILES)
    try:
        apart = consistency.find_inconsistencies(place, profiled=profiled if whole else None)
    except StoreError:
        if not found:
            raise
        return found  # the reason why the tables cannot be compared is already in found
    if not fix:
        apart = _without_untold(apart)
    found += _discords(place, apart, fix)
    found += _of_other_models(place)
    found += _half_forgotten(place, found)
    # A run adds its refused rows, even if there are none, before its predictions.
    if consistency.is_gone(place, QUARANTINE) and QUARANTINE not in {one.table for one in found}:
        how = "assay score makes it again with the next night, or with --force"
        found.append(Damage(QUARANTINE, "the table is missing", how))
    return found


def _half_forgotten(place: StoreLocation, found: list[Damage]) -> Iterator[Damage]:
    if any(each.table == FORGOTTEN and not each.fixed for each in found):
        return
    for act in unfinished_acts(place):
        what = f"rows of {counted(len(act.keys), 'key')} were to be forgotten"
        began = f"{what}: it began {act.at:%Y-%m-%d %H:%M} UTC, by {act.by}, and is not done"
        yield Damage(FORGOTTEN, began, "assay forget with the same keys goes on")


def check_consistency(place: StoreLocation) -> list[Damage]:
    """Partitions for which ``runs`` contradicts the other tables.

    Reads only the logs. For a partition that was scored more than once the logs do not show whose
    profile is missing; `check` does.
    """
    found = _without_untold(consistency.find_inconsistencies(place))
    return [*_discords(place, found, fix=False), *_of_other_models(place)]


def _of_other_models(place: StoreLocation) -> Iterator[Damage]:
    """Nights that readers see of another model, as stores could have before they had an owner."""
    shown = set(visible_runs(place).values())
    for run in read_run_records(place) if place.model else ():
        if run.run_id in shown and run.name != place.model:
            what = f"{place.column}={run.partition}: run {run.run_id} is of the model {run.name}"
            again = f"assay score --date {run.partition} --force scores it again"
            yield Damage(PREDICTIONS, what, again)


def _without_untold(
    apart: list[consistency.Inconsistency],
) -> list[consistency.Inconsistency]:
    """A run that was killed before it could say that it is published is no damage.

    Repair adds its event all the same: that of another run may have been lost with a commit.
    """
    return [each for each in apart if each.kind != "untold"]


def _discords(
    place: StoreLocation, apart: list[consistency.Inconsistency], fix: bool
) -> Iterator[Damage]:
    for each in apart:
        at, run_id, shown = f"{place.column}={each.night}", each.run_id, each.shown
        again = f"assay score --date {each.night}"
        if each.kind == "lost":
            shows = f"the table shows run {shown}" if shown else "the table shows no run"
            how = f"a backup, or {again} scores it again"
            yield Damage(PREDICTIONS, f"{at}: run {run_id} was published, but {shows}", how)
        elif each.kind == "back":
            how = f"assay retract {run_id} --because WHY takes it back again"
            what = f"{at}: run {run_id} was taken back, but the table shows it"
            yield Damage(PREDICTIONS, what, how)
        elif each.kind == "refused":
            held, said = each.rows
            what = f"{at}: the table holds {held} of {said} rows that run {run_id} refused"
            yield Damage(QUARANTINE, what, f"a backup, or {again} scores it again")
        elif each.kind == "uncounted":
            what = f"{at}: run {run_id} is published, but the table has no counts of its rows"
            yield Damage(PROFILES, what, f"{again} --force scores it again")
        else:
            what = f"{at}: run {run_id} is published, but the table has no event " + (
                "of it"
                if each.kind == "unknown"
                else "that says so: it was killed right after, or a commit of the table was lost"
            )
            if not fix:
                how = "assay fsck --fix adds what its commit says"
                yield Damage(RUNS, what, how)
            elif (complaint := _told(partial(_tell_again, place, each.night))) is None:
                yield Damage(RUNS, what, "added what its commit says", fixed=True)
            else:
                yield Damage(RUNS, f"{what}; {complaint}", f"{again} --force scores it again")


def _tell_again(place: StoreLocation, night: str) -> None:
    """Add the missing event of a visible run, from what its commit and files state."""
    record, now = published_run(place, night), read_partition_view(place, PREDICTIONS, night)
    if record is None or now.since is None:
        return  # the partition was unpublished in the meantime
    detail = "told again by assay fsck: what the commit says"
    append_events(place, replace(record, at=now.since, base=now.turn - 1, detail=detail))


def _log(place: StoreLocation, table: str, fix: bool) -> Iterator[Damage]:
    uri = place.table_uri(table)
    while (complaint := _complaint(uri)) is not None:
        newest = None if "://" in uri else log_files.newest_commit(Path(uri))
        gap = None if newest is None else log_files.missing_commit(newest.parent)
        if gap is not None:
            what = f"its commit {gap} is missing, and later ones rest on it"
            yield Damage(table, what, f"restore _delta_log/{gap} from a backup")
            return
        if newest is None:
            yield Damage(table, complaint, "restore it from a backup")
            return
        if not log_files.is_readable_commit(newest):
            # Only the newest commit may be set aside: later commits depend on earlier ones.
            aside: tuple[Path, ...] = (newest,)
            what = f"its newest commit, {newest.name}, cannot be read"
            then = AFTER_COMMIT[table]
        elif (damaged := log_files.find_damage(newest.parent)) is not None:
            aside, what = damaged.files, damaged.what
            then = "the commits that it stood for are all there"
            if damaged.lacking is not None:
                what += f", and commit {damaged.lacking}, which it stands for, is gone or damaged"
                yield Damage(table, what, f"restore _delta_log/{damaged.lacking} from a backup")
                return
        else:
            yield Damage(table, complaint, "restore it from a backup")
            return
        if not fix:
            yield Damage(table, what, f"assay fsck --fix sets it aside; {then}")
            return
        with translate_errors(uri, "cannot be fixed"):
            for each in aside:
                each.rename(each.with_name(f"{ASIDE}{each.name}"))
        fsync.sync_log(uri)
        yield Damage(table, what, f"set aside as {ASIDE}{aside[0].name}; {then}", fixed=True)


def _complaint(uri: str) -> str | None:
    """Why a table's log cannot be read, None if it can."""

    def look() -> None:
        if (opened := log.open_table(uri)) is not None:
            log.active_files(opened)

    return _told(look)


@dataclass(frozen=True)
class _Fault:
    """What is wrong with a file, and whether `assay score` notices it without reading the file."""

    what: str
    plain: bool


def _files(place: StoreLocation, table: str, fix: bool, profiled: set[str]) -> Iterator[Damage]:
    """Active files that are missing or changed: per partition, or all at once for a small table.

    The runs that have a profile are added to ``profiled``.
    """
    uri = place.table_uri(table)
    opened = log.open_table(uri)
    kept = profiled if table == PROFILES else set[str]()
    lost = {} if opened is None else _lost(place, table, log.active_files(opened), kept)
    if table in APPENDED:
        if lost:
            told_of = sorted(fault.what for fault in lost.values())[:3]
            what = f"{counted(len(lost), 'damaged file')}: " + "; ".join(told_of)
            if fix:
                _forget(uri, list(lost))
            how = "forgotten, with their rows" if fix else "assay fsck --fix forgets them"
            yield Damage(table, what, how, fixed=fix)
        elif table == RUNS and (complaint := _told(lambda: read_run_records(place))) is not None:
            yield Damage(table, complaint, "restore it from a backup")
        return
    # A file of something else is a fault of a file already.
    if table == PREDICTIONS and not lost and (why := _told(lambda: visible_runs(place))):
        yield Damage(table, why, "assay score scores that night again")
    nights: dict[str, list[_Fault]] = {}
    for path, fault in sorted(lost.items()):
        nights.setdefault(parse_partition(path)[1], []).append(fault)
    for night, faults in nights.items():
        again = f"assay score --date {night}" + ("" if any(f.plain for f in faults) else " --force")
        what = f"{place.column}={night}: {faults[0].what}"
        yield Damage(table, what, f"{again} scores it again")


def _told(look: Callable[[], object]) -> str | None:
    try:
        look()
    except StoreError as error:
        # Not its whole line: its fix is another one than what is named here, or sends people here.
        return error.what if error.found is None else f"{error.what} (found {error.found})"
    return None


def _lost(
    place: StoreLocation, table: str, files: list[StagedFile], kept: set[str]
) -> dict[str, _Fault]:
    """The fault of each file that differs from what the log states; reads every file.

    The runs whose rows the files hold are added to ``kept``.
    """
    uri = place.table_uri(table)
    with translate_errors(uri, "its files cannot be looked at"):
        system, base = filesystem(uri)
        infos = system.get_file_info([f"{base}/{file.path}" for file in files])
    lost = {}
    for file, info in zip(files, infos, strict=True):
        if info.size is None:
            lost[file.path] = _Fault(f"{file.path} is gone", plain=True)
        elif info.size != file.size:
            what = f"{file.path} has {counted(info.size, 'byte')}, not {file.size}"
            lost[file.path] = _Fault(what, plain=True)
        elif (changed := _changed(place, table, file, kept)) is not None:
            lost[file.path] = _Fault(f"{file.path} {changed}", plain=False)
    return lost


def _changed(place: StoreLocation, table: str, file: StagedFile, kept: set[str]) -> str | None:
    """What is wrong with the content of a file of the right size, None if nothing is."""
    try:
        count, runs = rows.verify_file(f"{place.table_uri(table)}/{file.path}")
    except StoreError as error:
        return f"cannot be read: {error.found}"
    if count != file.rows:
        return f"holds {counted(count, 'row')}, not {counted(file.rows, 'row')}"
    others = sorted(runs - {parse_run_id(file.path)})
    if others and table not in APPENDED:
        return f"holds rows of run {others[0]}"
    kept |= runs
    return None


def _forget(uri: str, lost: list[str]) -> None:
    """Drop files from a table. Those that exist but are damaged are kept beside it, renamed."""
    system, base = filesystem(uri)
    for path in lost:
        folder, _, name = f"{base}/{path}".rpartition("/")
        with translate_errors(f"{uri}/{path}", "cannot be set aside"):
            if system.get_file_info(f"{base}/{path}").size is not None:
                system.move(f"{base}/{path}", f"{folder}/{ASIDE}{name}")
    before = commits.version_of(uri)

    def repair(table: DeltaTable | None) -> None:
        assert table is not None, "it holds files"
        table.repair(post_commithook_properties=upkeep.post_commit_hooks())

    commits.retry_on_conflict(uri, "cannot be fixed", repair)
    fsync.sync_commits(uri, before)


CONTENT = b"written by assay doctor, and deleted at once\n"


def probe(place: StoreLocation) -> int:
    """Write, read and delete a small file; how many nights the log of predictions has.

    A folder that does not exist yet is not made: the file is written to the folder above it.

    Raises
    ------
    StoreError
        One of these failed.
    """
    name = f".assay-doctor-{secrets.token_hex(4)}"
    folder = place.scratch_uri(name) if "://" in place.uri else str(_nearest(Path(place.uri)))
    what = "a file cannot be written, read and deleted there"
    # First, as delta-rs lets no other thread run while it waits for a store that does not answer.
    with translate_errors(place.uri, what):
        _try_file(f"{folder}/{name}")
    return len(log.read_partitions(place.table_uri(PREDICTIONS), place.column))


def _try_file(uri: str) -> None:
    system, path = filesystem(uri)
    try:
        with system.open_output_stream(path) as sink:
            sink.write(CONTENT)
        with system.open_input_stream(path) as source:
            if source.read() != CONTENT:
                raise StoreError("gives back other bytes than were written", where=uri)
    finally:
        with suppress(OSError):
            system.delete_file(path)


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(each for each in (folder, *folder.parents) if each.exists())
