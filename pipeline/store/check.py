"""Looking a store over for damage, and mending what can be mended without inventing rows.

A power cut, a full disk or a careless hand can leave an unreadable commit in a table's log, or a
file that is gone or cut short. Readers end with a line then. What is mended here loses no row that
could still be read: the newest commit, if it says nothing readable, is set aside, and a small table
forgets files that are gone. A night whose files are gone is scored again by `assay score`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store import changes, durable, log, rows
from pipeline.store.files import partition_of
from pipeline.store.history import records, visible_runs
from pipeline.store.place import Place, filesystem
from pipeline.store.sweep import APPENDED, TABLES
from pipeline.store.tables import PREDICTIONS, RUNS
from pipeline.store.told import told

ASIDE = ".damaged-"
"""How the name of what was set aside begins; no reader takes it for a commit or a file."""


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong with a table: what, what mends it, and whether that was done."""

    table: str
    what: str
    mend: str
    mended: bool = False


def check(place: Place, mend: bool = False) -> list[Damage]:
    """Everything that is wrong with a store's tables; none for one that was never written to.

    Parameters
    ----------
    mend
        Mend what can be mended here.

    Raises
    ------
    StoreError
        If mending fails.
    """
    found: list[Damage] = []
    for table in TABLES:
        of_log = list(_log(place, table, mend))
        found += of_log
        if all(each.mended for each in of_log):
            found += _files(place, table, mend)
    return found


def _log(place: Place, table: str, mend: bool) -> Iterator[Damage]:
    uri = place.table_uri(table)
    while (complaint := _complaint(uri)) is not None:
        newest = None if "://" in uri else log.newest_commit(Path(uri))
        # Only the newest may go: later ones rest on those before them.
        if newest is None or log.readable(newest):
            yield Damage(table, complaint, "restore it from a backup")
            return
        what = f"its newest commit, {newest.name}, cannot be read"
        lost = "; a night that it published is then scored again by assay score"
        if not mend:
            yield Damage(table, what, f"assay fsck --mend sets it aside{lost}")
            return
        with told(uri, "cannot be mended"):
            newest.rename(newest.with_name(f"{ASIDE}{newest.name}"))
        durable.sync_log(uri)
        yield Damage(table, what, f"set aside as {ASIDE}{newest.name}{lost}", mended=True)


def _complaint(uri: str) -> str | None:
    """Why a table's log cannot be read, None if it can."""

    def look() -> None:
        if (opened := log.open_table(uri)) is not None:
            log.held(opened)

    return _told(look)


def _files(place: Place, table: str, mend: bool) -> Iterator[Damage]:
    """Active files that are gone or not what the log says, by night or all of a small table."""
    uri = place.table_uri(table)
    opened = log.open_table(uri)
    lost = {} if opened is None else _lost(uri, log.held(opened))
    if table in APPENDED:
        if lost:
            what = f"{len(lost)} files are damaged: " + "; ".join(sorted(lost.values())[:3])
            if mend:
                _forget(uri, list(lost))
            how = "forgotten, with their rows" if mend else "assay fsck --mend forgets them"
            yield Damage(table, what, how, mended=mend)
        elif table == RUNS and (complaint := _told(lambda: records(place))) is not None:
            yield Damage(table, complaint, "restore it from a backup")
        return
    if table == PREDICTIONS and (complaint := _told(lambda: visible_runs(place))) is not None:
        yield Damage(table, complaint, "assay score scores that night again")
    nights: dict[str, str] = {}
    for path, what in sorted(lost.items()):
        nights.setdefault(partition_of(path)[1], what)
    for night, what in nights.items():
        yield Damage(
            table, f"{place.column}={night}: {what}", f"assay score --date {night} scores it again"
        )


def _told(look: Callable[[], object]) -> str | None:
    try:
        look()
    except StoreError as error:
        return error.line()
    return None


def _lost(uri: str, files: list[log.Held]) -> dict[str, str]:
    """Path and complaint of each file that is not as the log says."""
    with told(uri, "its files cannot be looked at"):
        system, base = filesystem(uri)
        infos = system.get_file_info([f"{base}/{file.path}" for file in files])
    found = {}
    for file, info in zip(files, infos, strict=True):
        if info.size is None:
            found[file.path] = f"{file.path} is gone"
        elif info.size != file.size:
            found[file.path] = f"{file.path} has {info.size} bytes, not {file.size}"
        elif (held := rows.counted(f"{uri}/{file.path}")) != file.rows:
            holds = "is no Parquet file" if held is None else f"holds {held} rows"
            found[file.path] = f"{file.path} {holds}, not {file.rows} rows"
    return found


def _forget(uri: str, lost: list[str]) -> None:
    """Let a table be made of its other files; what is there but damaged is kept beside them."""
    system, base = filesystem(uri)
    for path in lost:
        folder, _, name = f"{base}/{path}".rpartition("/")
        with told(f"{uri}/{path}", "cannot be set aside"):
            if system.get_file_info(f"{base}/{path}").size is not None:
                system.move(f"{base}/{path}", f"{folder}/{ASIDE}{name}")
    before = changes.version_of(uri)

    def repair() -> None:
        table = log.open_table(uri)
        assert table is not None, "it holds files"
        table.repair(post_commithook_properties=changes.hooks())

    changes.insist(uri, "cannot be mended", repair)
    durable.sync_commits(uri, before)
