"""What lists of nights need of each night's document, kept in one file.

A command that lists nights needs a few facts of every document. To parse a thousand of them takes
longer than all else that it does. A kept entry counts only while its document looks the same: it
has the same inode, size and time of change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from assay.monitor.nights.night import NightDrift
from assay.monitor.nights.night_status import WORDS, MonitoringStatus
from assay.project import layout
from assay.project.textfile import write

FILE = f"{layout.WORK}/nights.json"
"""May be deleted at any time."""
FORM = 1
"""Grows whenever an entry has other contents: then old files count for nothing."""

Looks: TypeAlias = tuple[int, int, int]
Entry: TypeAlias = tuple[Looks, NightDrift]


def looks_of(document: Path) -> Looks | None:
    """How a document looks: its inode, size and time of change; None if nobody can tell."""
    try:
        found = document.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def read(root: Path) -> dict[str, Entry]:
    """File name -> how the document looked, and its facts. Empty if nothing usable is kept."""
    try:
        tree = json.loads((root / FILE).read_text(encoding="utf-8"))
        if tree["form"] != FORM:
            return {}
        return {name: _of_plain(plain) for name, plain in tree["documents"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def keep(root: Path, entries: Mapping[str, Entry]) -> None:
    """Write all entries. If that fails, the next command parses the documents again."""
    plain = {name: _to_plain(entry) for name, entry in entries.items()}
    with suppress(OSError):
        write(root / FILE, json.dumps({"form": FORM, "documents": plain}))


def _to_plain(entry: Entry) -> list[Any]:
    looks, drift = entry
    stand = drift.stand and [drift.stand.standing, drift.stand.incidents]
    return [
        *(looks, drift.run_id, drift.crossed, drift.reasons, drift.drifted, drift.features),
        *(drift.times, sorted(drift.over), stand, drift.in_alarm),
    ]


def _of_plain(plain: list[Any]) -> Entry:
    looks, run_id, crossed, reasons, drifted, features, times, over, stand, in_alarm = plain
    status = None
    if stand is not None:
        standing, incidents = stand
        if standing not in WORDS:
            raise ValueError(standing)
        status = MonitoringStatus(standing, tuple(incidents))
    inode, size, changed = looks
    return (inode, size, changed), NightDrift(
        run_id=run_id,
        crossed=crossed,
        reasons=tuple(reasons),
        drifted=drifted,
        features=features,
        times=times,
        over=frozenset(over),
        stand=status,
        in_alarm=None if in_alarm is None else tuple(in_alarm),
    )
