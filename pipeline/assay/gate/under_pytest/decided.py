"""What the gate decided before pytest starts, on its way into the pytest process.

There each rule and behaviour is an item beside the model tests: it is counted, named and reported
as they are. What is reported there decides nothing; the gate goes by what it decided itself, and
asks only whether every item ran.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # pytest loads the plugin in every project: pydantic waits until a finding is made.
    from assay.reports.verdict import Finding

OPTION = "--assay-decided"


@dataclass(frozen=True)
class Decided:
    """A rule or a behaviour that was decided, and what is told of it where it did not pass."""

    finding: Finding
    told: str


def write(path: Path, decided: Sequence[Decided]) -> None:
    """Leave them in ``path``."""
    tree = [{"finding": each.finding.tree(), "told": each.told} for each in decided]
    path.write_text(json.dumps(tree), encoding="utf-8")


def read(path: Path) -> tuple[Decided, ...]:
    """What `write` left in ``path``."""
    from assay.reports.verdict import Finding

    tree = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Decided(Finding.of_tree(each["finding"], f"{path.name}[{at}]"), each["told"])
        for at, each in enumerate(tree)
    )
