"""Durability: files are synced to the disk before a commit makes them visible.

A local file system buffers writes, and after a power cut a file name may exist without its bytes.
So files are synced first, then their folders, up to the one above the store. A bucket lists an
object only once it is stored, so nothing is done there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count, takewhile
from pathlib import Path

from assay.errors import NotSynced, StoreError
from assay.store.delta.location import StagedFile, translate_errors

AT_ONCE = 16
"""Files that are synced in parallel: the time goes into waiting for the disk."""


def sync_files(uri: str, files: Sequence[StagedFile]) -> None:
    """Sync files of a table and their folders, so that they survive a power cut.

    Raises
    ------
    NotSynced
        If the disk reports an error.
    """
    if "://" not in uri and files:
        with _syncing(uri, "cannot be synced to the disk"):
            _sync(Path(uri), [Path(uri, file.path) for file in files])


def begin_writing(path: str) -> None:
    """Ask the system to begin writing a whole file to the disk, while others are being written.

    Otherwise it waits for seconds, and a night of many files waits for all of them at its end. It
    is a hint: nothing is waited for, and errors are those of the sync that follows.
    """
    with suppress(OSError, AttributeError):  # only Linux and some others have it
        opened = os.open(path, os.O_RDONLY)
        try:
            # Of a file that nobody has in memory but as it was just written, this drops nothing.
            os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(opened)


def sync_commits(uri: str, after: int | None, files: Sequence[StagedFile] = ()) -> int | None:
    """Sync a table's commits after a version.

    Parameters
    ----------
    after
        The version before these commits; None if there was no table.
    files
        Those that they added, if `sync_files` was not called before: one wait in place of two.

    Returns
    -------
    int, optional
        The table's version, None in a bucket, which would have to be asked.

    Raises
    ------
    NotSynced
        If the disk reports an error. The commits are visible all the same.
    """
    if "://" in uri:
        return None
    first = -1 if after is None else after
    with _syncing(uri, "was written, but cannot be synced to the disk"):
        # By name: to list a log takes longer with every commit that it keeps.
        named = (Path(uri, "_delta_log", f"{version:020}.json") for version in count(first + 1))
        logs = list(takewhile(Path.exists, named))
        _sync(Path(uri), [*(Path(uri, file.path) for file in files), *logs])
    return first + len(logs)


def sync_log(uri: str) -> None:
    """Sync every file of a table's log, above all its checkpoints."""
    if "://" not in uri:
        with _syncing(uri, "cannot be synced to the disk"):
            files = [path for path in Path(uri, "_delta_log").iterdir() if path.is_file()]
            _sync(Path(uri), files)


def sync_checkpoint(uri: str) -> None:
    """Sync a table's newest checkpoint, and the file that names it."""
    if "://" not in uri:
        with _syncing(uri, "cannot be synced to the disk"):
            folder = Path(uri, "_delta_log")
            every = list(folder.glob("*.checkpoint*.parquet"))
            newest = max((path.name[:20] for path in every), default="")
            parts = [path for path in every if path.name.startswith(newest)]
            _sync(Path(uri), [*parts, folder / "_last_checkpoint"])


@contextmanager
def _syncing(uri: str, what: str) -> Iterator[None]:
    try:
        with translate_errors(uri, what):
            yield
    except StoreError as error:
        raise NotSynced(
            error.what,
            where=error.where,
            found=error.found,
            fix="It may be lost: check the disk and the room on it, then score the night again.",
        ) from None


def _sync(table: Path, files: Sequence[Path]) -> None:
    """Sync files of a table, then each folder that may have got a new name since."""
    _sync_each([str(file) for file in files])
    log = f"{table}/_delta_log"
    folders = {str(file.parent) for file in files}
    if folders - {log}:
        folders.add(str(table))  # the folder of a partition may be new
    known = (log, _inode(log))
    if known not in _ROOTED:
        # This run may have created the log, its table, and the store too.
        folders |= {str(table), str(table.parent), str(table.parent.parent)}
    _sync_each(sorted(folders))
    _ROOTED.add(known)


_ROOTED: set[tuple[str, int | None]] = set()
"""Logs, by path and inode, whose names this process has synced in all folders above them."""


def _inode(path: str) -> int | None:
    """None where there is no such folder yet."""
    with suppress(OSError):
        return Path(path).stat().st_ino
    return None


def _sync_each(paths: Sequence[str]) -> None:
    if len(paths) > 1:
        list(_pool(os.getpid()).map(_sync_one, paths))
    else:
        for path in paths:
            _sync_one(path)


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of a process, kept: to start them takes longer than most files do."""
    del process  # a forked one has none of its parent's threads
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="assay-sync")


def _sync_one(path: str) -> None:
    # If another process merged and replaced the file meanwhile, that process syncs it.
    with suppress(FileNotFoundError):
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        except OSError as error:
            name = "/".join(Path(path).parts[-2:])
            raise OSError(error.errno, error.strerror, name) from None
        finally:
            os.close(opened)
