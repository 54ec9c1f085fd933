"""Read what the last ``assay monitor --retrain-if`` advised, for the status and the front page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.errors import DataError
from assay.project import jsonfile, layout
from assay.project.jsonfile import JsonNode


@dataclass(frozen=True, slots=True)
class RetrainDocument:
    """The part of reports/retrain.json that people are told.

    Attributes
    ----------
    version
        The version whose nights were looked at.
    until
        The last night that was considered.
    reasons
        The sentences of the rules that advise training; empty if none does.
    """

    version: str
    until: str
    reasons: tuple[str, ...]


def read_advised(root: Path, version: str) -> RetrainDocument | None:
    """The advice to train again; None if there is none, or it is about another version.

    A file that cannot be read advises nothing: the next ``--retrain-if`` writes it anew, and other
    parts of a page must not be lost for it.
    """
    try:
        text = jsonfile.read_stage_file(root, layout.RETRAIN, "monitor")
        found = jsonfile.parse(text, layout.RETRAIN, "monitor", "advice on training", _document)
    except DataError:
        return None
    return found if found.reasons and found.version == version else None


def _document(tree: JsonNode) -> RetrainDocument:
    tree.schema(1)
    rules = tree.nodes("rules") if tree.flag("advised") else []
    advising = (rule for rule in rules if rule.text("state") == "retrain")
    return RetrainDocument(
        tree.text("version"), tree.text("until"), tuple(rule.text("sentence") for rule in advising)
    )
