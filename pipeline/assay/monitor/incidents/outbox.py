"""A queue of outgoing messages, one file each: written before sending, deleted on delivery.

Undelivered messages stay for the next call. A process that is killed between sending and deleting
sends a message twice rather than never; the key lets the receiver recognise it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from assay.errors import DataError
from assay.monitor.nights.night import Incident, parse_incident
from assay.project import layout
from assay.project.document import JsonNode, reject_duplicate_keys, write_json

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One message.

    Attributes
    ----------
    key
        The same for the same state of the same incident.
    attempts, problem
        How often it was tried, and why it failed.
    """

    path: Path
    key: str
    incident: Incident
    attempts: int = 0
    problem: str = ""

    def to_plain(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "key": self.key,
            "attempts": self.attempts,
            "problem": self.problem,
            "incident": self.incident.to_plain(),
        }


def enqueue(folder: Path, incident: Incident) -> QueuedMessage:
    """Write a message to the queue, unless it is queued already."""
    folder.mkdir(parents=True, exist_ok=True)
    key = f"{incident.id}:{incident.state}"
    name = quote(key.replace(":", "-"), safe=" ")[:150]
    there = sorted(folder.glob("*.json"))
    for path in there:
        if path.stem.partition("-")[2] == name:
            return QueuedMessage(path, key, incident)
    number = max((_number(path) for path in there), default=0) + 1
    letter = QueuedMessage(folder / f"{number:06}-{name}.json", key, incident)
    _write(letter)
    return letter


def read_queue(folder: Path) -> tuple[list[QueuedMessage], list[DataError]]:
    """All queued messages, the oldest first, and an error for each file that is not one."""
    letters, broken = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            letters.append(_read(path))
        except (OSError, ValueError, RecursionError) as error:
            broken.append(
                DataError(
                    f"not a message that waits: {error}",
                    where=f"{layout.DEAD_LETTERS}/{path.name}",
                    fix="Fix or delete it",
                )
            )
    return letters, broken


def record_failure(letter: QueuedMessage, attempts: int, problem: str) -> QueuedMessage:
    """Record why a message was not delivered."""
    noted = replace(letter, attempts=letter.attempts + attempts, problem=problem)
    _write(noted)
    return noted


def delete_message(letter: QueuedMessage) -> None:
    """Delete a delivered message."""
    letter.path.unlink(missing_ok=True)


def _read(path: Path) -> QueuedMessage:
    tree = JsonNode(
        json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=reject_duplicate_keys), ""
    )
    tree.schema(SCHEMA)
    incident = parse_incident(tree.node("incident"))
    return QueuedMessage(
        path, tree.text("key"), incident, tree.count("attempts"), str(tree.get("problem"))
    )


def _write(letter: QueuedMessage) -> None:
    # Atomic: a truncated message would be lost.
    write_json(letter.path, letter.to_plain())


def _number(path: Path) -> int:
    first = path.stem.partition("-")[0]
    return int(first) if first.isascii() and first.isdigit() else 0
