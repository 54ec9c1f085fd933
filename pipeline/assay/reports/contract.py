"""The contract stage's result.json, read by those who decide on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.project import jsonfile, layout
from assay.project.jsonfile import Node

RESULT = f"{layout.CONTRACT_REPORT}/result.json"


@dataclass(frozen=True)
class ContractReport:
    """What checking the training table came to; ``broken`` names the rules that do not hold."""

    ok: bool
    where: str
    rows: int
    bad_rows: int
    broken: tuple[str, ...]


def read(root: Path) -> ContractReport:
    """Read the project's result.json.

    Raises
    ------
    StageInputMissing
        The contract stage has not run.
    DataError
        The file is malformed; names the key.
    """
    return parse(jsonfile.text_of(root, RESULT, "contract"), RESULT)


def parse(text: str, where: str) -> ContractReport:
    """The report in ``text``; ``where`` is what errors call the file.

    Raises
    ------
    DataError
        The text is no such report; names the key.
    """
    return jsonfile.parse(text, where, "contract", "a contract's result", _report)


def _report(node: Node) -> ContractReport:
    node.schema(1)
    rules = node.nodes("rules")
    return ContractReport(
        ok=node.flag("ok"),
        where=node.text("where"),
        rows=node.count("rows"),
        bad_rows=node.count("bad_rows"),
        broken=tuple(rule.text("rule") for rule in rules if rule.flag("broken")),
    )
