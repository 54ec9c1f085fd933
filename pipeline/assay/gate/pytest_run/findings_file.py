"""Pass the findings that the gate made before pytest started to the pytest process.

There each rule and behaviour is a pytest item like the model tests: it is counted, named and
reported. The reported outcome cannot change the verdict: the gate uses its own findings, and only
checks that every item ran.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # pytest loads the plugin in every project, so pydantic is imported only when needed.
    from assay.reports.verdict import Finding

OPTION = "--assay-decided"


@dataclass(frozen=True)
class PytestFinding:
    """The finding of a rule or behaviour, and the text that pytest shows if it did not pass."""

    finding: Finding
    told: str


def write_findings(path: Path, decided: Sequence[PytestFinding]) -> None:
    """Write the findings to ``path`` as JSON."""
    tree = [{"finding": each.finding.tree(), "told": each.told} for each in decided]
    path.write_text(json.dumps(tree), encoding="utf-8")


def read_findings(path: Path) -> tuple[PytestFinding, ...]:
    """Read the findings that `write_findings` wrote to ``path``."""
    from assay.reports.verdict import Finding

    tree = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        PytestFinding(Finding.of_tree(each["finding"], f"{path.name}[{at}]"), each["told"])
        for at, each in enumerate(tree)
    )
