"""Files that a table's log remembers having removed, and when: what may still be read.

delta-rs lists only those that are due for removal by its own clock, so the log is read here:
the last checkpoint and the commits after it, as Delta's protocol lays them out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from pipeline.store.place import filesystem
from pipeline.store.told import told

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint.*\.parquet")


def removed(uri: str) -> dict[str, datetime]:
    """Path, relative to the table, of each file that the log knows as removed, and since when.

    Files that were added again later are not among them. The log forgets a file some time
    after it was removed: see `Place.keep_days`.

    Raises
    ------
    StoreError
        If the log cannot be read.
    """
    with told(uri, "its log cannot be read"):
        system, path = filesystem(uri)
        return _removed(system, f"{path}/_delta_log")


def _removed(system: pafs.FileSystem, folder: str) -> dict[str, datetime]:
    infos = system.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    names = sorted(info.base_name for info in infos)
    checkpoints = _numbered(_CHECKPOINT, names)
    last = max((number for number, _ in checkpoints), default=-1)
    found: dict[str, datetime] = {}
    for number, name in checkpoints:
        if number == last:
            with system.open_input_file(f"{folder}/{name}") as source:
                table = pq.read_table(source, columns=["remove"])
            gone = table.filter(table.column("remove").is_valid()).column("remove")
            found.update(_since(gone.to_pylist()))
    for number, name in _numbered(_COMMIT, names):
        if number > last:
            with system.open_input_stream(f"{folder}/{name}") as source:
                actions = [json.loads(line) for line in source.read().splitlines() if line]
            for action in actions:
                if "add" in action:
                    found.pop(unquote(action["add"]["path"]), None)
            found.update(_since(each["remove"] for each in actions if "remove" in each))
    return found


def _numbered(pattern: re.Pattern[str], names: Iterable[str]) -> list[tuple[int, str]]:
    matches = [(pattern.fullmatch(name), name) for name in names]
    return [(int(match[1]), name) for match, name in matches if match]


def _since(actions: Iterable[dict[str, Any]]) -> Iterator[tuple[str, datetime]]:
    for action in actions:
        at = (action.get("deletionTimestamp") or 0) / 1000
        yield unquote(action["path"]), datetime.fromtimestamp(at, UTC)
