"""The documents that ``assay monitor`` left, one a night, read with suspicion."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from assay.monitor.nights.night import Drift
from assay.monitor.nights.summary_read import in_alarm_of, stand_of
from assay.project import layout
from assay.project.jsonfile import Node, once


@dataclass(frozen=True, slots=True)
class Document:
    """A night's document, or in words why it cannot be read; never both."""

    partition: str
    drift: Drift | None
    words: str = ""


def read(root: Path) -> dict[str, Document]:
    """Every night's document under ``root``; one that is damaged is told, not skipped."""
    paths = sorted((root / layout.NIGHTS).glob("*.json"))
    found = [_document(path) for path in paths]
    return {each.partition: each for each in found}


def _document(path: Path) -> Document:
    partition = unquote(path.stem)
    try:
        tree = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)
        drift = drift_of(Node(tree, ""), partition)
    except (OSError, ValueError, RecursionError) as error:
        words = " ".join(str(error).split())
        return Document(
            partition,
            None,
            f"{layout.NIGHTS}/{path.name} is not what assay monitor wrote ({words}); "
            "monitor the night again",
        )
    return Document(partition, drift)


def drift_of(tree: Node, partition: str) -> Drift:
    """What a document says about the night ``partition``.

    Raises
    ------
    ValueError
        It is about another night, or a key is missing or of another kind.
    """
    if tree.text("partition") != partition:
        raise ValueError(f"it is about the night {tree.text('partition')}")
    findings = tree.nodes("findings")
    return Drift(
        run_id=tree.text("run_id"),
        crossed=tree.flag("crossed"),
        reasons=tree.texts("reasons"),
        drifted=len(tree.texts("drifted")),
        features=tree.count("features"),
        times={each.text("column"): _times(each) for each in findings},
        over=frozenset(each.text("column") for each in findings if each.flag("crossed")),
        stand=stand_of(tree),
        in_alarm=in_alarm_of(tree),
    )


def _times(finding: Node) -> float | None:
    distance, limit = finding.maybe_number("distance"), finding.maybe_number("limit")
    if distance is None or limit is None:
        return None
    if limit == 0:
        return 0.0 if distance == 0 else None
    return distance / limit
