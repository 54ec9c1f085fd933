"""Read the JSON documents that ``assay monitor`` wrote, one a night, and validate them.

A command that lists nights needs a few facts of every document. To parse a thousand of them takes
longer than all else that it does, so these facts are kept in one file. They count only while their
document looks the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from assay.monitor.nights.night import NightDrift
from assay.monitor.nights.night_status import WORDS, MonitoringStatus
from assay.monitor.nights.status_read import parse_alarm_columns, parse_status
from assay.project import layout
from assay.project.jsonfile import JsonNode, reject_duplicate_keys
from assay.project.textfile import write

if TYPE_CHECKING:
    from assay.monitor.nights.summary import NightSummary


KEPT = f"{layout.WORK}/nights.json"
"""May be deleted at any time."""
FORM = 1
"""Grows whenever an entry has other contents: then old files count for nothing."""

Looks: TypeAlias = tuple[int, int, int]
Entry: TypeAlias = tuple[Looks, NightDrift]


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """A night's document, parsed; or, if it cannot be parsed, the reason why.

    Attributes
    ----------
    drift
        None if the document cannot be parsed.
    words
        Why it cannot be parsed; empty if it can.
    content
        The whole file, or where it is.
    """

    partition: str
    drift: NightDrift | None
    words: str = ""
    content: str | Path = ""

    @property
    def text(self) -> str:
        """The whole file. Bytes that are not UTF-8 are replaced; empty if it is gone."""
        if isinstance(self.content, str):
            return self.content
        try:
            return self.content.read_bytes().decode(errors="replace")
        except OSError:
            return ""


def read_documents(root: Path) -> dict[str, KnownDocument]:
    """Read every night's document under ``root``. A damaged one is included, with the reason."""
    folder, before = root / layout.NIGHTS, read_kept(root)
    found: dict[str, KnownDocument] = {}
    now: dict[str, Entry] = {}
    for path, looks in _listed(folder):
        kept = before.get(path.name)
        if kept is not None and kept[0] == looks:
            document = KnownDocument(unquote(path.stem), kept[1], content=path)
        else:
            document = _document(path)
        if document.drift is not None and looks is not None:
            now[path.name] = (looks, document.drift)
        found[document.partition] = document
    if now != before:
        keep(root, now)
    return found


def _listed(folder: Path) -> list[tuple[Path, Looks | None]]:
    """The documents in a folder in order, and how each looks before it is read."""
    try:
        with os.scandir(folder) as listed:
            names = sorted(each.name for each in listed if each.name.endswith(".json"))
    except OSError:
        return []
    paths = [folder / name for name in names]
    return [(path, looks_of(path)) for path in paths]


def of_summary(summary: NightSummary) -> KnownDocument:
    """Build the document that reading `NightSummary.to_json` back would give."""
    decision = summary.decision
    drift = NightDrift(
        run_id=summary.run_id,
        crossed=decision.crossed,
        reasons=decision.reasons,
        drifted=len(decision.drifted),
        features=decision.features,
        times={each.column: _times(each.distance, each.limit) for each in decision.findings},
        over=frozenset(each.column for each in decision.findings if each.crossed),
        stand=summary.stand,
        in_alarm=summary.in_alarm,
    )
    return KnownDocument(summary.partition, drift, content=summary.to_json())


def _document(path: Path) -> KnownDocument:
    partition, text = unquote(path.stem), ""
    try:
        raw = path.read_bytes()
        text = raw.decode(errors="replace")
        tree = json.loads(raw.decode(), object_pairs_hook=reject_duplicate_keys)
        drift = parse_drift(JsonNode(tree, ""), partition)
    except (OSError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())
        return KnownDocument(
            partition,
            None,
            f"{layout.NIGHTS}/{path.name} is not what assay monitor wrote ({words}); "
            "monitor the night again",
            text,
        )
    return KnownDocument(partition, drift, content=text)


def parse_drift(tree: JsonNode, partition: str) -> NightDrift:
    """Parse the document of the night ``partition``.

    Raises
    ------
    ValueError
        The document is about another night.
    """
    if tree.text("partition") != partition:
        raise ValueError(f"it is about the night {tree.text('partition')}")
    findings = tree.nodes("findings")
    return NightDrift(
        run_id=tree.text("run_id"),
        crossed=tree.flag("crossed"),
        reasons=tree.texts("reasons"),
        drifted=len(tree.texts("drifted")),
        features=tree.count("features"),
        times={
            each.text("column"): _times(each.maybe_number("distance"), each.maybe_number("limit"))
            for each in findings
        },
        over=frozenset(each.text("column") for each in findings if each.flag("crossed")),
        stand=parse_status(tree),
        in_alarm=parse_alarm_columns(tree),
    )


def _times(distance: float | None, limit: float | None) -> float | None:
    if distance is None or limit is None:
        return None
    if limit == 0:
        return 0.0 if distance == 0 else None
    return distance / limit


def looks_of(document: Path) -> Looks | None:
    """How a document looks: its inode, size and time of change; None if nobody can tell."""
    try:
        found = document.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def read_kept(root: Path) -> dict[str, Entry]:
    """File name -> how the document looked, and its facts. Empty if nothing usable is kept.

    What anybody but `keep` wrote, or changed by hand, is not usable.
    """
    try:
        digest, body = (root / KEPT).read_text(encoding="utf-8").split("\n", 1)
        if digest != _digest(body):
            return {}
        return {name: _of_plain(plain) for name, plain in json.loads(body).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def keep(root: Path, entries: Mapping[str, Entry]) -> None:
    """Write all entries. If that fails, the next command parses the documents again."""
    body = json.dumps({name: _to_plain(entry) for name, entry in entries.items()})
    with suppress(OSError):
        write(root / KEPT, f"{_digest(body)}\n{body}")


def _digest(body: str) -> str:
    return hashlib.sha256(f"{FORM}\n{body}".encode()).hexdigest()


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
