"""Published means durable: what a commit shows is on the disk before the commit is.

A local file system keeps what was written in memory for a while, and after a power cut a name
may be there whose bytes are not. So files are synced, then the folders that hold their names, up
to the one above the store. A bucket shows an object only once it is stored; nothing is done there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from assay.store.delta.complaints import told
from assay.store.delta.files import StagedFile

AT_ONCE = 16
"""Files that are synced side by side: what takes time is waiting for the disk."""


def sync_files(uri: str, files: Sequence[StagedFile]) -> None:
    """Make sure that files of a table, and their names, would outlive a power cut.

    Raises
    ------
    StoreError
        If the disk says no.
    """
    if "://" not in uri and files:
        with told(uri, "cannot be synced to the disk"):
            _sync(Path(uri), [Path(uri, file.path) for file in files])


def sync_commits(uri: str, after: int | None) -> None:
    """Make sure that a table's commits after a version, and what they added, would outlive it.

    Parameters
    ----------
    after
        The version before them; None if there was no table.

    Raises
    ------
    StoreError
        If the disk says no. The commits are visible all the same.
    """
    if "://" in uri:
        return
    first = -1 if after is None else after
    with told(uri, "was written, but cannot be synced to the disk"):
        numbered = [log for log in Path(uri, "_delta_log").glob("*.json") if log.stem.isdigit()]
        logs = [log for log in numbered if int(log.stem) > first]
        added = [Path(uri, path) for log in logs for path in _added(log)]
        _sync(Path(uri), [*added, *logs])


def sync_log(uri: str) -> None:
    """Make sure that everything in a table's log would outlive it, checkpoints above all."""
    if "://" not in uri:
        with told(uri, "cannot be synced to the disk"):
            files = [path for path in Path(uri, "_delta_log").iterdir() if path.is_file()]
            _sync(Path(uri), files)


def _added(log: Path) -> Iterable[str]:
    for line in log.read_text(encoding="utf-8").splitlines():
        action = json.loads(line)
        if "add" in action:
            yield unquote(action["add"]["path"])


def _sync(table: Path, files: Sequence[Path]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(_sync_one, files))
    within = {folder for file in files for folder in file.parents if folder.is_relative_to(table)}
    # The table may have been made by this run, and so may the store.
    for folder in (*sorted(within, reverse=True), table.parent, table.parent.parent):
        _sync_one(folder)


def _sync_one(path: Path) -> None:
    # Merged and replaced by somebody else meanwhile: then it is theirs to sync.
    with suppress(FileNotFoundError):
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
